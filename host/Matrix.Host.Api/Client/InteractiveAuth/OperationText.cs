using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// Says on a page what a user confirms, so that nobody confirms what somebody else has asked for with a stolen token.
/// </summary>
internal static class OperationText
{
    /// <summary>The paragraph for the request of a user; nothing for one without a user.</summary>
    internal static Html Of(AuthSession session) => session.Demand.UserId is not { } userId
        ? Html.Empty
        : Html.Of($"""
            <p>An application wants to <strong>{WordsOf(session.Operation)}</strong>, as <strong>{userId}</strong>. If
            you did not expect this, close this page: somebody may have got into your account.</p>
            """);

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
