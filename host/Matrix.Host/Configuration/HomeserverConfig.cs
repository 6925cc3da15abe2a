using System.Collections;
using System.Net;
using Matrix.Core.Facade;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Crypto;
using Matrix.Host.Media;
using Matrix.Host.Network;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.TextMessages;
using Matrix.Host.Outbound;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Searching;
using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Configuration;

/// <summary>The typed configuration of every part of the server.</summary>
internal sealed record HomeserverConfig
{
    /// <summary>The configuration without any setting. Options bring their own defaults.</summary>
    internal static HomeserverConfig Defaults { get; } = new();

    internal string ServerName { get; init; } = "localhost";

    internal string DataDir { get; init; } = "";

    /// <summary>The file of the signing keys.</summary>
    internal string SigningKeyFile => Path.Combine(DataDir, "signing.key");

    internal TimeSpan SigningKeyCheckInterval { get; init; } = TimeSpan.FromSeconds(30);

    internal StorageOptions Storage { get; init; } = new() { Url = "sqlite:matrix.db", DataDir = "", ServerName = "" };

    internal IPEndPoint? ClientListener { get; init; } = new(IPAddress.Loopback, 8008);

    internal IPEndPoint? FederationListener { get; init; }

    internal bool FederationOnClient { get; init; }

    /// <summary>Whether other servers are served anywhere.</summary>
    internal bool ServesFederation => FederationListener is not null || FederationOnClient;

    /// <summary>The certificate of the federation listener; null for plain HTTP.</summary>
    internal TlsFiles? Tls { get; init; }

    internal TimeSpan TlsCheckInterval { get; init; } = TimeSpan.FromSeconds(30);

    internal IPEndPoint? MetricsListener { get; init; }

    /// <summary>The listener of the administration API; null if the client listener serves it.</summary>
    internal IPEndPoint? AdminListener { get; init; }

    internal AdminOptions Admin { get; init; } = new();

    internal JobOptions Jobs { get; init; } = new();

    internal RetentionOptions Retention { get; init; } = new();

    /// <summary>Whether `mx` can ask the running server, through a socket in the data folder.</summary>
    internal bool HasControl { get; init; } = true;

    internal ConnectionLimits Connections { get; init; } = new(
        Most: 10_000, Headers: 100, HeaderBytes: 32 << 10, RequestLineBytes: 16 << 10,
        HeaderTime: TimeSpan.FromSeconds(30), Federation: 2000);

    internal HttpOptions Http { get; init; } = new(
        Body: 64 << 10, EventBody: 256 << 10, LargeBody: 2 << 20, TrustForwardedFor: false);

    internal RateLimitOptions Rates { get; init; } = new(
        Enabled: true,
        Login: new Rate(0.5, 20),
        Password: new Rate(0.5, 20),
        KnownLogin: new Rate(0.5, 20),
        Registration: new Rate(0.2, 10),
        Send: new Rate(20, 200),
        Membership: new Rate(2, 50),
        Other: new Rate(100, 500),
        Tracked: 100_000);

    internal ClientOptions Client { get; init; } = new() { ServerName = "" };

    internal FederationOptions Federation { get; init; } = new() { ServerName = "" };

    internal UsersOptions Users { get; init; } = new() { ServerName = "" };

    internal RoomsOptions Rooms { get; init; } = new() { ServerName = "" };

    internal MediaOptions Media { get; init; } = new() { ServerName = "", Folder = "" };

    internal SyncOptions Sync { get; init; } = new();

    internal ReadingOptions Reading { get; init; } = new();

    internal SearchOptions Search { get; init; } = new();

    internal UserDirectoryOptions UserDirectory { get; init; } = new();

    internal KeyOptions Keys { get; init; } = new();

    internal NetworkOptions Network { get; init; } = new() { ServerName = "" };

    internal PresenceOptions Presence { get; init; } = new();

    internal OutboundOptions Outbound { get; init; } = new() { ServerName = "" };

    internal PushOptions Push { get; init; } = new();

    internal MailOptions Mail { get; init; } = new();

    internal EmailOptions Email { get; init; } = new();

    internal TextMessageOptions TextMessages { get; init; } = new();

    internal IdentityServerOptions IdentityServers { get; init; } = new();

    internal AppServiceOptions AppServices { get; init; } = new() { ServerName = "" };

    /// <summary>The registration files of application services, and folders of them.</summary>
    internal IReadOnlyList<string> AppServiceFiles { get; init; } = [];

    internal TimeSpan AppServiceCheckInterval { get; init; } = TimeSpan.FromSeconds(30);

    internal int MaxAppServices { get; init; } = 100;

    internal int MaxNamespaces { get; init; } = 1000;

    internal PasswordHashCost PasswordCost { get; init; } = new(
        MemoryBytes: 64L << 20, Operations: 2, Concurrency: 2, Waiting: 200);

    internal TimeSpan ExpiredTokensKept { get; init; } = TimeSpan.FromDays(30);

    internal LogLevel LogLevel { get; init; } = LogLevel.Information;

    internal bool LogAsJson { get; init; }

    /// <summary>Builds the configuration from valid values, and checks settings against one another.</summary>
    /// <param name="folder">The folder of the configuration file, from which relative paths start.</param>
    internal static (HomeserverConfig? Config, IReadOnlyList<ConfigMistake> Mistakes) From(
        ConfigValues values, string folder)
    {
        var mistakes = new List<ConfigMistake>();
        void Refuse(ConfigKey key, string message) => mistakes.Add(new ConfigMistake(values.LocationOf(key), message));

        // A path in the environment is relative to the current folder, one in the file to the file's folder.
        string PathOf(ConfigKey<string> key) =>
            Path.GetFullPath(values.Get(key), values.IsFromEnvironment(key) ? Environment.CurrentDirectory : folder);

        void MustExist(ConfigKey<string> key, Func<string, bool> exists)
        {
            if (values.Get(key).Length > 0 && !exists(PathOf(key)))
            {
                Refuse(key, $"`{key.Path}`: {PathOf(key)} does not exist");
            }
        }

        MustExist(ConfigKeys.TlsCertificate, File.Exists);
        MustExist(ConfigKeys.TlsKey, File.Exists);
        MustExist(ConfigKeys.CustomCa, File.Exists);
        if (values.Get(ConfigKeys.CustomCa).Length > 0
            && File.Exists(PathOf(ConfigKeys.CustomCa))
            && MistakeIn(PathOf(ConfigKeys.CustomCa)) is { } fault)
        {
            Refuse(ConfigKeys.CustomCa, $"`{ConfigKeys.CustomCa.Path}`: {fault}");
        }

        string[] registrations =
        [
            .. values.Get(ConfigKeys.AppServiceFiles).Select(file => Path.GetFullPath(
                file, values.IsFromEnvironment(ConfigKeys.AppServiceFiles) ? Environment.CurrentDirectory : folder)),
        ];
        foreach (var missing in registrations.Where(path => !File.Exists(path) && !Directory.Exists(path)))
        {
            Refuse(
                ConfigKeys.AppServiceFiles, $"`{ConfigKeys.AppServiceFiles.Path}`: {missing} does not exist");
        }

        if (values.Get(ConfigKeys.TlsCertificate).Length > 0 != values.Get(ConfigKeys.TlsKey).Length > 0)
        {
            Refuse(ConfigKeys.TlsCertificate, "expected both of `tls.certificate` and `tls.key`, or neither");
        }
        else if (values.Get(ConfigKeys.TlsCertificate).Length > 0
            && new TlsFiles(PathOf(ConfigKeys.TlsCertificate), PathOf(ConfigKeys.TlsKey)).Mistake() is { } wrong)
        {
            Refuse(ConfigKeys.TlsCertificate, $"`tls.certificate` and `tls.key`: {wrong}");
        }

        if (values.Get(ConfigKeys.FederationOnClient) && values.Get(ConfigKeys.ClientListener) is null)
        {
            Refuse(ConfigKeys.FederationOnClient, "`listeners.federation_on_client` needs a `listeners.client`");
        }

        if (values.Get(ConfigKeys.TurnUris).Count > 0
            && values.Get(ConfigKeys.TurnSecret).Length + values.Get(ConfigKeys.TurnUserName).Length == 0)
        {
            Refuse(ConfigKeys.TurnUris, "`turn.uris` needs `turn.shared_secret`, or `turn.username` and its password");
        }

        if (values.Get(ConfigKeys.WellKnownClient).Count > 0 && values.Get(ConfigKeys.PublicBaseUrl).Length == 0)
        {
            Refuse(ConfigKeys.WellKnownClient, "`well_known.client` needs a `public_base_url`");
        }

        if (values.Get(ConfigKeys.RtcTransports).Count > 0
            && values.Get(ConfigKeys.WellKnownClient).Has(ClientOptions.RtcFoci))
        {
            Refuse(
                ConfigKeys.WellKnownClient,
                $"`{ClientOptions.RtcFoci}` is set twice: `matrix_rtc.transports` sets it too");
        }

        var oauth = new OAuthOptions { PublicBaseUrl = values.Get(ConfigKeys.PublicBaseUrl) };
        if (values.Get(ConfigKeys.OAuthOnly) && !oauth.IsOn)
        {
            Refuse(
                ConfigKeys.OAuthOnly,
                "`oauth.only` needs a `public_base_url` with https, or with http on the loopback interface");
        }

        var providers = values.Get(ConfigKeys.SsoProviders);
        if (providers.Count > 0 && !oauth.IsOn)
        {
            Refuse(
                ConfigKeys.SsoProviders,
                "`sso.providers` needs a `public_base_url` with https, or with http on the loopback interface");
        }

        var secrets = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var provider in providers.Where(static provider => provider.ClientSecretFile.Length > 0))
        {
            try
            {
                secrets[provider.Id] = File.ReadAllText(Path.GetFullPath(provider.ClientSecretFile, folder)).Trim();
            }
            catch (Exception missing) when (
                missing is IOException or UnauthorizedAccessException or ArgumentException)
            {
                Refuse(ConfigKeys.SsoProviders, $"`sso.providers`: the secret of {provider.Id}: {missing.Message}");
            }
        }

        var unstable = values.Get(ConfigKeys.UnstableRoomVersions);
        if (values.Get(ConfigKeys.DefaultRoomVersion) is var version
            && RoomRules.Unstable.Contains(version)
            && !unstable.Contains(version))
        {
            Refuse(
                ConfigKeys.DefaultRoomVersion,
                "`room_versions.default`: expected a version of the specification or one that `room_versions.unstable` "
                    + $"lists, found `{version}`");
        }

        if (mistakes.Count > 0) return (null, mistakes);

        var dataDir = PathOf(ConfigKeys.DataDir);
        var serverName = values.Get(ConfigKeys.ServerName);
        var config = new HomeserverConfig();
        foreach (var key in ConfigKeys.All) values.Apply(key, config);
        foreach (var (key, message) in ConfigKeys.MissingForAddresses(config)) Refuse(key, message);
        foreach (var (key, message) in ConfigKeys.MistakesOfMail(config)) Refuse(key, message);
        if (mistakes.Count > 0) return (null, mistakes);
        return (config with
        {
            DataDir = dataDir,
            Storage = config.Storage with { DataDir = dataDir, ServerName = serverName },
            Tls = values.Get(ConfigKeys.TlsCertificate).Length == 0
                ? null
                : new TlsFiles(PathOf(ConfigKeys.TlsCertificate), PathOf(ConfigKeys.TlsKey)),
            Client = config.Client with { ServerName = serverName },
            Federation = config.Federation with { ServerName = serverName },
            Users = config.Users with
            {
                ServerName = serverName,
                ReservedNames = [config.Rooms.Notices.Localpart],
                OAuth = config.Users.OAuth with
                {
                    PublicBaseUrl = config.Client.PublicBaseUrl,
                    ListensOnLoopback = values.Get(ConfigKeys.ClientListener) is { } at
                        && IPAddress.IsLoopback(at.Address),
                },
                ThirdPartyIds = config.Users.ThirdPartyIds with { BaseUrl = config.Client.PublicBaseUrl },
                Sso = config.Users.Sso with
                {
                    Providers =
                    [
                        .. providers.Select(provider => secrets.TryGetValue(provider.Id, out var secret)
                            ? provider with { ClientSecret = secret }
                            : provider),
                    ],
                },
            },
            Rooms = config.Rooms with { ServerName = serverName },
            Media = config.Media with
            {
                ServerName = serverName,
                Folder = values.Get(ConfigKeys.MediaFolder).Length > 0
                    ? PathOf(ConfigKeys.MediaFolder)
                    : Path.Combine(dataDir, "media"),
            },
            Outbound = config.Outbound with { ServerName = serverName },
            Email = config.Email with { ServerName = serverName, BaseUrl = config.Client.PublicBaseUrl },
            AppServices = config.AppServices with { ServerName = serverName },
            AppServiceFiles = registrations,
            Network = config.Network with
            {
                ServerName = serverName,
                CustomCa = values.Get(ConfigKeys.CustomCa).Length > 0 ? PathOf(ConfigKeys.CustomCa) : "",
            },
        }, mistakes);
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

/// <summary>The limits of connections.</summary>
/// <param name="Most">Connections of each listener at once.</param>
/// <param name="Federation">Connections of the federation listener at once.</param>
/// <param name="RequestLineBytes">Bytes of method, path and query.</param>
/// <param name="HeaderTime">Time for that line and the headers to arrive.</param>
internal sealed record ConnectionLimits(
    int Most, int Headers, int HeaderBytes, int RequestLineBytes, TimeSpan HeaderTime, int Federation);
