using Matrix.Core.Facade;
using Matrix.Host.Api.Client;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Storage;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Configuration;

/// <summary>Checks settings against one another, and the files that they name.</summary>
internal static class ConfigChecks
{
    private const string NeedsPages = "needs a `public_base_url` with https, or with http on the loopback interface";

    /// <summary>The mistakes, each with the setting to which it belongs.</summary>
    internal static IEnumerable<(string Setting, string Message)> MistakesIn(HomeserverConfig config) =>
    [
        .. Database(config), .. Cluster(config), .. Files(config), .. Tls(config), .. Listeners(config),
        .. SignIn(config), .. Rooms(config),
    ];

    private static IEnumerable<(string, string)> Database(HomeserverConfig config)
    {
        var node = config.Storage.Node;
        if (node.Length == 0) yield break;
        if (node.Length > 64 || !node.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'))
        {
            yield return ("cluster.node", "`cluster.node`: expected at most 64 letters, digits and - . _");
        }
        else if (!StorageEngine.IsShared(config.Storage))
        {
            yield return ("cluster.node", "`cluster.node` needs a `database.url` of PostgreSQL");
        }

        // A node that has nothing to write gives a sign of life each second.
        if (config.Storage.TakeOverAfter < TimeSpan.FromSeconds(3))
        {
            yield return ("cluster.take_over_after", "`cluster.take_over_after`: expected at least 3s");
        }
    }

    /// <summary>A node that serves with others has a name, and says how it is reached and known.</summary>
    private static IEnumerable<(string, string)> Cluster(HomeserverConfig config)
    {
        var cluster = config.Cluster;
        if (cluster.Listen is null) yield break;
        if (config.Storage.Node.Length == 0) yield return ("cluster.listen", "`cluster.listen` needs a `cluster.node`");
        if (cluster.Requests is null) yield return ("cluster.listen", "`cluster.listen` needs `cluster.requests`");
        (string Setting, string File)[] files =
        [
            ("cluster.certificate", cluster.Certificate),
            ("cluster.key", cluster.Key),
            ("cluster.authority", cluster.Authority),
        ];
        foreach (var (setting, file) in files)
        {
            if (file.Length == 0) yield return ("cluster.listen", $"`cluster.listen` needs `{setting}`");
            else if (!File.Exists(file)) yield return (setting, $"`{setting}`: {file} does not exist");
        }
    }

    private static IEnumerable<(string, string)> Files(HomeserverConfig config)
    {
        (string Setting, string File)[] named =
        [
            ("tls.certificate", config.TlsCertificate),
            ("tls.key", config.TlsKey),
            ("federation.custom_ca", config.Network.CustomCa),
        ];
        foreach (var (setting, file) in named)
        {
            if (file.Length > 0 && !File.Exists(file)) yield return (setting, $"`{setting}`: {file} does not exist");
        }

        if (File.Exists(config.Network.CustomCa) && MistakeIn(config.Network.CustomCa) is { } fault)
        {
            yield return ("federation.custom_ca", $"`federation.custom_ca`: {fault}");
        }

        foreach (var missing in config.AppServiceFiles.Where(path => !File.Exists(path) && !Directory.Exists(path)))
        {
            yield return ("app_services.files", $"`app_services.files`: {missing} does not exist");
        }
    }

    private static IEnumerable<(string, string)> Tls(HomeserverConfig config)
    {
        if (config.TlsCertificate.Length > 0 != config.TlsKey.Length > 0)
        {
            yield return ("tls.certificate", "expected both of `tls.certificate` and `tls.key`, or neither");
        }
        else if (config.Tls?.Mistake() is { } wrong)
        {
            yield return ("tls.certificate", $"`tls.certificate` and `tls.key`: {wrong}");
        }
    }

    private static IEnumerable<(string, string)> Listeners(HomeserverConfig config)
    {
        if (config.FederationOnClient && config.ClientListener is null)
        {
            const string setting = "listeners.federation_on_client";
            yield return (setting, $"`{setting}` needs a `listeners.client`");
        }

        var turn = config.Users.Turn;
        if (turn.Uris.Count > 0 && turn.SharedSecret.Length + turn.UserName.Length == 0)
        {
            yield return ("turn.uris", "`turn.uris` needs `turn.shared_secret`, or `turn.username` and its password");
        }

        var client = config.Client;
        if (client.WellKnownClient.Count > 0 && client.PublicBaseUrl.Length == 0)
        {
            yield return ("well_known.client", "`well_known.client` needs a `public_base_url`");
        }

        if (client.RtcTransports.Count > 0 && client.WellKnownClient.Has(ClientOptions.RtcFoci))
        {
            yield return (
                "well_known.client", $"`{ClientOptions.RtcFoci}` is set twice: `matrix_rtc.transports` sets it too");
        }
    }

    private static IEnumerable<(string, string)> SignIn(HomeserverConfig config)
    {
        var isOn = new OAuthOptions { PublicBaseUrl = config.Client.PublicBaseUrl }.IsOn;
        if (config.Users.OAuth.Only && !isOn) yield return ("oauth.only", $"`oauth.only` {NeedsPages}");
        if (config.Users.Sso.Providers.Count > 0 && !isOn)
        {
            yield return ("sso.providers", $"`sso.providers` {NeedsPages}");
        }

        if (config.Mail is { IsConfigured: true, User.Length: > 0, MayLogIn: false })
        {
            yield return (
                "email.smtp_user",
                "`email.smtp_user` needs `email.smtp_tls: starttls` or `implicit`, or an `email.smtp_host` on the "
                    + "loopback interface: the password is not sent without encryption");
        }

        var hasUrl = config.Client.PublicBaseUrl.Length > 0;
        if (config.Users.RegistrationRequiresEmail && !(config.Mail.IsConfigured && hasUrl))
        {
            const string setting = "registration.requires_email";
            yield return (setting, $"`{setting}` needs `email.smtp_host`, `email.from` and `public_base_url`");
        }

        if (config.Users.RegistrationRequiresPhone && !(config.TextMessages.IsConfigured && hasUrl))
        {
            const string setting = "registration.requires_phone";
            yield return (setting, $"`{setting}` needs `text_messages.gateway_url` and `public_base_url`");
        }
    }

    private static IEnumerable<(string, string)> Rooms(HomeserverConfig config)
    {
        var version = config.Rooms.DefaultRoomVersion;
        if (RoomRules.Unstable.Contains(version) && !config.Rooms.UnstableRoomVersions.Contains(version))
        {
            yield return (
                "room_versions.default",
                "`room_versions.default`: expected a version of the specification or one that `room_versions.unstable` "
                    + $"lists, found `{version}`");
        }
    }

    /// <summary>Why a file of certificates cannot be used; null if it can.</summary>
    private static string? MistakeIn(string certificates)
    {
        try
        {
            CertificateTrust.Read(certificates);
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return fault.Message;
        }
    }
}
