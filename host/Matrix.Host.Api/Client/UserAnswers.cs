using System.Globalization;
using Matrix.Host.Api.Http;
using Matrix.Host.Users;
using Matrix.Host.Users.KeyBackup;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client;

/// <summary>The standard error of each user failure. v1.19 client-server-api#standard-error-response</summary>
internal static class UserAnswers
{
    private static readonly TimeSpan _busyFor = TimeSpan.FromSeconds(1);

    // An offline device may fetch nothing for hours, or never again: frequent retries do not help.
    private static readonly TimeSpan _inboxFullFor = TimeSpan.FromMinutes(1);

    /// <summary>The response to a failure.</summary>
    internal static Answer Of(UserFailure failure)
    {
        if (failure is TooManyMessages { Wait: var wait }) return Answer.LimitExceeded(wait, failure.Message);
        if (failure is TooManyTries { Wait: var pause }) return Answer.LimitExceeded(pause, failure.Message);
        if (failure.Kind is UserFailureKind.Busy or UserFailureKind.Outdated)
        {
            return Answer.LimitExceeded(_busyFor, failure.Message);
        }

        if (failure.Kind == UserFailureKind.InboxFull) return Answer.LimitExceeded(_inboxFullFor, failure.Message);
        if (failure.Kind == UserFailureKind.Locked) return Answer.Locked(failure.Message);
        var (status, code) = StandardOf(failure.Kind);
        return failure is WrongBackupVersion wrong
            ? Answer.Error(
                status,
                code,
                failure.Message,
                json => json.WriteString("current_version", wrong.Current.ToString(CultureInfo.InvariantCulture)))
            : Answer.Error(status, code, failure.Message);
    }

    /// <summary>The same, with the page about limits where one is reached.</summary>
    internal static Answer Of(UserFailure failure, ClientOptions options) =>
        failure.Kind == UserFailureKind.LimitReached
            ? AccountLimits.Reached(options, failure.Message)
            : Of(failure);

    /// <summary>An empty object, or the failure.</summary>
    internal static Answer Empty(UserFailure? failure) => failure is null ? Answer.Empty : Of(failure);

    /// <summary>The error code of a failure that is part of a successful response.</summary>
    internal static string CodeOf(UserFailureKind kind) => StandardOf(kind).Code;

    private static (int Status, string Code) StandardOf(UserFailureKind kind) => kind switch
    {
        UserFailureKind.NotFound => (404, MatrixError.NotFound),
        UserFailureKind.Forbidden => (403, MatrixError.Forbidden),
        UserFailureKind.TooLarge => (413, MatrixError.TooLarge),
        UserFailureKind.InvalidParam => (400, MatrixError.InvalidParam),
        UserFailureKind.MissingParam => (400, MatrixError.MissingParam),
        UserFailureKind.InvalidSignature => (400, MatrixError.InvalidSignature),
        UserFailureKind.BadJson => (400, MatrixError.BadJson),
        UserFailureKind.LimitReached => (403, MatrixError.Forbidden),
        UserFailureKind.NotSettable => (405, MatrixError.BadJson),
        UserFailureKind.NameTooLarge => (400, MatrixError.KeyTooLarge),
        UserFailureKind.ProfileTooLarge => (400, MatrixError.ProfileTooLarge),
        UserFailureKind.WrongBackupVersion => (403, MatrixError.WrongRoomKeysVersion),
        UserFailureKind.TimedOut => (408, MatrixError.Unknown),
        UserFailureKind.Unreachable => (502, MatrixError.Unknown),
        UserFailureKind.UserInUse => (400, MatrixError.UserInUse),
        UserFailureKind.RegistrationTokenUsedUp => (403, MatrixError.Forbidden),
        UserFailureKind.IdentifierInUse => (400, MatrixError.ThreepidInUse),
        UserFailureKind.IdentifierNotFound => (400, MatrixError.ThreepidNotFound),
        UserFailureKind.IdentifierDenied => (403, MatrixError.ThreepidDenied),
        UserFailureKind.IdentifierAuthFailed => (400, MatrixError.ThreepidAuthFailed),
        UserFailureKind.MediumNotSupported => (400, MatrixError.ThreepidMediumNotSupported),
        UserFailureKind.TokenIncorrect => (400, MatrixError.TokenIncorrect),
        UserFailureKind.SessionExpired => (400, MatrixError.SessionExpired),
        UserFailureKind.Deactivated => (403, MatrixError.UserDeactivated),
        UserFailureKind.Locked => (401, MatrixError.UserLocked),
        UserFailureKind.Busy or UserFailureKind.InboxFull or UserFailureKind.Outdated =>
            (429, MatrixError.LimitExceeded),
        _ => (400, MatrixError.Unknown),
    };
}

/// <summary>The error for a reached account limit. v1.19 client-server-api#common-error-codes</summary>
internal static class AccountLimits
{
    /// <summary>
    /// 403 `M_USER_LIMIT_EXCEEDED`, which must name a page about the limit, or `M_FORBIDDEN` if the configuration names
    /// no page.
    /// </summary>
    internal static Answer Reached(ClientOptions options, string message) => options.LimitsInfo.Length == 0
        ? Answer.Forbidden(message)
        : Answer.Error(
            403, MatrixError.UserLimitExceeded, message, json => json.WriteString("info_uri", options.LimitsInfo));
}
