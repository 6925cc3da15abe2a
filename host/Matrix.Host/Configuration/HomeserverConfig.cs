using System.Net;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Cluster;
using Matrix.Host.Crypto;
using Matrix.Host.Media;
using Matrix.Host.Network;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.TextMessages;
using Matrix.Host.Outbound;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Parts;
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
using Matrix.Host.Users.SingleSignOn;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Configuration;

/// <summary>The typed configuration of every part of the server.</summary>
internal sealed record HomeserverConfig
{
    /// <summary>The configuration without any setting. Options bring their own defaults.</summary>
    internal static HomeserverConfig Defaults { get; } = new();

    [Setting(
        "server_name",
        "The name in user ids (@user:SERVER_NAME) and room aliases. It cannot be changed later: a database "
            + "belongs to one server name.",
        Form = SettingForm.ServerName, Scope = SettingScope.Required)]
    internal string ServerName { get; init; } = "localhost";

    [Setting(
        "data_dir",
        "The folder of the database and the signing key; \"\" for the folder of this file. Relative to this file.",
        Form = SettingForm.Path, Scope = SettingScope.Node)]
    internal string DataDir { get; init; } = "";

    /// <summary>The file of the signing keys.</summary>
    internal string SigningKeyFile => Path.Combine(DataDir, "signing.key");

    [Setting("listeners.client", "The Client-Server API.")]
    internal IPEndPoint? ClientListener { get; init; } = new(IPAddress.Loopback, 8008);

    internal StorageOptions Storage { get; init; } = new() { Url = "sqlite:matrix.db", DataDir = "", ServerName = "" };

    internal ClusterNodeOptions Cluster { get; init; } = new();

    [Setting(
        "listeners.federation",
        "The Server-Server API. Other servers reach a server without further settings at port 8448.")]
    internal IPEndPoint? FederationListener { get; init; }

    [Setting(
        "listeners.federation_on_client",
        "Whether listeners.client serves /_matrix/federation and /_matrix/key too, for a proxy that forwards all "
            + "of /_matrix to one port.")]
    internal bool FederationOnClient { get; init; }

    [Setting("listeners.metrics", "/metrics for Prometheus, and /health. Keep it inside your own network.")]
    internal IPEndPoint? MetricsListener { get; init; }

    /// <summary>Whether other servers are served anywhere.</summary>
    internal bool ServesFederation => FederationListener is not null || FederationOnClient;

    [Setting(
        "listeners.admin",
        "The administration API (/_synapse/admin). \"\": listeners.client serves it. Keep it inside your own "
            + "network.")]
    internal IPEndPoint? AdminListener { get; init; }

    [Setting(
        "listeners.control",
        "Whether `mx` can ask the running server, through a socket in data_dir that only the server's user can "
            + "open.")]
    internal bool HasControl { get; init; } = true;

    /// <summary>The certificate of the federation listener; null for plain HTTP.</summary>
    internal TlsFiles? Tls => TlsCertificate.Length == 0 ? null : new TlsFiles(TlsCertificate, TlsKey);

    [Setting(
        "tls.certificate",
        "A file with the certificate and the intermediate certificates after it (PEM). The server reads both files "
            + "again when they change.",
        Form = SettingForm.Path)]
    internal string TlsCertificate { get; init; } = "";

    [Setting("tls.key", "A file with the certificate's private key (PEM).", Form = SettingForm.Path)]
    internal string TlsKey { get; init; } = "";

    [Setting("tls.check_interval", "How often the server looks whether the two files have changed.")]
    internal TimeSpan TlsCheckInterval { get; init; } = TimeSpan.FromSeconds(30);

    internal NetworkOptions Network { get; init; } = new() { ServerName = "" };

    internal HttpOptions Http { get; init; } = new();

    internal AdminOptions Admin { get; init; } = new();

    internal JobOptions Jobs { get; init; } = new();

    internal RetentionOptions Retention { get; init; } = new();

    [Setting(
        "federation.own_key_check_interval",
        "How often the server looks for a new signing key, after `mx keys rotate`.")]
    internal TimeSpan SigningKeyCheckInterval { get; init; } = TimeSpan.FromSeconds(30);

    internal ConnectionLimits Connections { get; init; } = new();

    internal RateLimitOptions Rates { get; init; } = new();

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

    internal PresenceOptions Presence { get; init; } = new();

    internal OutboundOptions Outbound { get; init; } = new() { ServerName = "" };

    internal PushOptions Push { get; init; } = new();

    internal MailOptions Mail { get; init; } = new();

    internal EmailOptions Email { get; init; } = new();

    internal TextMessageOptions TextMessages { get; init; } = new();

    internal IdentityServerOptions IdentityServers { get; init; } = new();

    internal AppServiceOptions AppServices { get; init; } = new() { ServerName = "" };

    [Setting(
        "sessions.expired_tokens_kept",
        "How long an expired token gets a soft logout, after which the client keeps its data. Later it is an "
            + "unknown token.")]
    internal TimeSpan ExpiredTokensKept { get; init; } = TimeSpan.FromDays(30);

    [Setting(
        "app_services.files",
        "Registration files, and folders of them (*.yaml, *.yml). Relative to this file. They are read again "
            + "when they change.",
        Form = SettingForm.Paths, Scope = SettingScope.Node)]
    internal IReadOnlyList<string> AppServiceFiles { get; init; } = [];

    [Setting(
        "app_services.check_interval",
        "How often the server looks whether the files have changed.",
        Form = SettingForm.Timer)]
    internal TimeSpan AppServiceCheckInterval { get; init; } = TimeSpan.FromSeconds(30);

    [Setting("app_services.most", "Application services.", Least = 1, Most = 10_000)]
    internal int MaxAppServices { get; init; } = 100;

    internal PasswordHashCost PasswordCost { get; init; } = new();

    internal ImportedPasswordOptions ImportedPasswords { get; init; } = new();

    [Setting(
        "app_services.namespaces",
        "Namespaces of users, of aliases and of rooms of one service, and its protocols.",
        Least = 1, Most = 100_000)]
    internal int MaxNamespaces { get; init; } = 1000;

    [Setting(
        "log.level",
        "The lowest level that is logged: debug, information, warning or error. debug logs a line for each "
            + "request.",
        Words = ["debug", "information", "warning", "error"])]
    internal LogLevel LogLevel { get; init; } = LogLevel.Information;

    [Setting("log.format", "text (lines of name=value pairs) or json (one object a line).", Words = ["text", "json"])]
    internal bool LogAsJson { get; init; }

    /// <summary>Builds the configuration from valid values, and checks settings against one another.</summary>
    /// <param name="folder">The folder of the configuration file, from which relative paths start.</param>
    internal static (HomeserverConfig? Config, IReadOnlyList<ConfigMistake> Mistakes) From(
        ConfigValues values, string folder)
    {
        var given = new HomeserverConfig();
        values.Apply(given, folder);
        var (providers, unread) = SsoSecrets.Read(given.Users.Sso.Providers, folder);
        ConfigMistake[] mistakes =
        [
            .. ConfigChecks.MistakesIn(given).Concat(unread)
                .Select(found => new ConfigMistake(values.LocationOf(found.Setting), found.Message)),
        ];
        return mistakes.Length > 0 ? (null, mistakes) : (given.Completed(folder, providers), mistakes);
    }

    /// <summary>The same with the values that several parts share.</summary>
    private HomeserverConfig Completed(string folder, IReadOnlyList<SsoProvider> providers)
    {
        var dataDir = DataDir.Length > 0 ? DataDir : folder;
        return this with
        {
            DataDir = dataDir,
            Storage = Storage with
            {
                DataDir = dataDir,
                ServerName = ServerName,
                ServesTogether = Cluster.Listen is not null,
            },
            Client = Client with { ServerName = ServerName },
            Federation = Federation with { ServerName = ServerName },
            Users = Users with
            {
                ServerName = ServerName,
                ReservedNames = [Rooms.Notices.Localpart],
                OAuth = Users.OAuth with
                {
                    PublicBaseUrl = Client.PublicBaseUrl,
                    ListensOnLoopback = ClientListener is { } at && IPAddress.IsLoopback(at.Address),
                },
                ThirdPartyIds = Users.ThirdPartyIds with { BaseUrl = Client.PublicBaseUrl },
                Sso = Users.Sso with { Providers = providers },
            },
            Rooms = Rooms with { ServerName = ServerName },
            Media = Media with
            {
                ServerName = ServerName,
                Node = Cluster.Listen is not null ? Storage.Node : "",
                Folder = Media.Folder.Length > 0 ? Media.Folder : Path.Combine(dataDir, "media"),
            },
            Outbound = Outbound with { ServerName = ServerName },
            Email = Email with { ServerName = ServerName, BaseUrl = Client.PublicBaseUrl },
            AppServices = AppServices with { ServerName = ServerName },
            Network = Network with { ServerName = ServerName },
        };
    }
}

/// <summary>The limits of connections.</summary>
internal sealed record ConnectionLimits
{
    [Setting("limits.federation_connections", "Connections of other servers at once; more are closed.", Least = 10)]
    internal int Federation { get; init; } = 2000;

    [Setting("limits.headers", "Headers of a request.", Least = 16, Most = 1000)]
    internal int Headers { get; init; } = 100;

    [Setting(
        "limits.header_bytes",
        "Bytes of all headers of a request.",
        Form = SettingForm.Bytes, Least = 4 << 10, Most = 1 << 20)]
    internal int HeaderBytes { get; init; } = 32 << 10;

    [Setting(
        "limits.request_line",
        "Bytes of a request's method, path and query.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 1 << 20)]
    internal int RequestLineBytes { get; init; } = 16 << 10;

    [Setting("limits.header_time", "The time for a request's first line and headers to arrive.")]
    internal TimeSpan HeaderTime { get; init; } = TimeSpan.FromSeconds(30);

    [Setting("limits.connections", "Connections of one listener at once; more are closed.", Least = 10)]
    internal int Most { get; init; } = 10_000;
}
