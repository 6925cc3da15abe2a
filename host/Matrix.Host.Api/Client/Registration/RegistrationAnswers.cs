using Matrix.Host.Api.Http;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Why an account is not made. Client-Server API, "Account registration" of the legacy API.</summary>
internal static class RegistrationAnswers
{
    private static readonly Answer _invalid = Answer.Error(
        400,
        MatrixError.InvalidUsername,
        "A user name consists of a-z, 0-9, `.`, `_`, `=`, `-`, `/` and `+`, and has at most 255 bytes with the server's name.");

    /// <summary>400 `M_USER_IN_USE`.</summary>
    internal static Answer InUse { get; } = Answer.Error(400, MatrixError.UserInUse, "The user id is already taken.");

    internal static Answer Of(UsernameProblem problem) => problem == UsernameProblem.InUse ? InUse : _invalid;

    /// <summary>400 `M_WEAK_PASSWORD`.</summary>
    internal static Answer WeakPassword(string message) => Answer.Error(400, MatrixError.WeakPassword, message);
}
