namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// The actions of the account management page. v1.19 client-server-api#account-management-url-actions; the names of
/// sessions are older (MSC4191) and not listed in the metadata.
/// </summary>
internal static class AccountActions
{
    internal const string Profile = "org.matrix.profile";
    internal const string DevicesList = "org.matrix.devices_list";
    internal const string DeviceView = "org.matrix.device_view";
    internal const string DeviceDelete = "org.matrix.device_delete";
    internal const string Deactivate = "org.matrix.account_deactivate";
    internal const string CrossSigningReset = "org.matrix.cross_signing_reset";

    /// <summary>This server's own: clients of the OAuth 2.0 API cannot change passwords.</summary>
    internal const string Password = "password";

    /// <summary>This server's own: clients of the OAuth 2.0 API cannot add or remove addresses.</summary>
    internal const string Addresses = "addresses";

    /// <summary>Those that the metadata lists.</summary>
    internal static IReadOnlyList<string> Listed { get; } =
        [Profile, DevicesList, DeviceView, DeviceDelete, Deactivate, CrossSigningReset];

    /// <summary>An action by its name or an older one; the profile for an unknown one.</summary>
    internal static string Of(string? action) => action switch
    {
        "org.matrix.sessions_list" or "sessions_list" => DevicesList,
        "org.matrix.session_view" or "session_view" => DeviceView,
        "org.matrix.session_end" or "session_end" => DeviceDelete,
        Password => Password,
        Addresses => Addresses,
        not null when Listed.Contains(action) => action,
        _ => Profile,
    };
}
