using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Errors of registration. v1.19 client-server-api#legacy-account-registration</summary>
internal static class RegistrationAnswers
{
    private static readonly Answer _invalid = Answer.Error(
        400,
        MatrixError.InvalidUsername,
        "A user name can have a-z, 0-9, `.`, `_`, `=`, `-`, `/` and `+`, and at most 255 bytes including the server "
        + "name.");

    /// <summary>400 `M_USER_IN_USE`.</summary>
    internal static Answer InUse { get; } = Answer.Error(400, MatrixError.UserInUse, "The user id is already taken.");

    /// <summary>403: nobody may register.</summary>
    internal static Answer Closed { get; } = Answer.Forbidden("Registration is closed on this server.");

    internal static Answer Of(UsernameProblem problem) => problem switch
    {
        UsernameProblem.InUse => InUse,
        UsernameProblem.Exclusive => ServiceAnswers.Exclusive,
        UsernameProblem.Refused => Answer.Forbidden("This server does not accept the user name."),
        _ => _invalid,
    };

    /// <summary>400 `M_WEAK_PASSWORD`.</summary>
    internal static Answer WeakPassword(string message) => Answer.Error(400, MatrixError.WeakPassword, message);
}
