using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// Says on a page what a user confirms, so that nobody confirms what somebody else has asked for, with a stolen token
/// or without any.
/// </summary>
internal static class OperationText
{
    /// <summary>The paragraph for a request; nothing for a registration, which is about no account.</summary>
    internal static Html Of(AuthSession session) => session.Demand switch
    {
        { IsRegistration: true } => Html.Empty,
        { UserId: { } userId } => Html.Of($"""
            <p>An application wants to <strong>{WordsOf(session.Operation)}</strong>, as <strong>{userId}</strong>. If
            you did not expect this, close this page: somebody may have got into your account.</p>
            """),
        _ => Html.Of($"""
            <p>Somebody wants to <strong>{WordsOf(session.Operation)}</strong>. If it is not you who asked for this
            just now, close this page: whoever did would get into your account.</p>
            """),
    };

    private static string WordsOf(string operation) => operation switch
    {
        _ when operation.Contains("/devices", StringComparison.Ordinal)
            || operation.Contains("delete_devices", StringComparison.Ordinal) => "sign a device out",
        _ when operation.Contains("account/deactivate", StringComparison.Ordinal) => "end your account",
        _ when operation.Contains("account/password", StringComparison.Ordinal) => "change your password",
        _ when operation.Contains("account/3pid", StringComparison.Ordinal) => "add an address to your account",
        _ when operation.Contains("device_signing", StringComparison.Ordinal) => "replace your encryption identity",
        _ when operation.Contains("get_token", StringComparison.Ordinal) => "sign another device in",
        _ => "change your account",
    };
}
