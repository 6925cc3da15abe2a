using Matrix.Core.Ident;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>Synapse's configuration, read as Synapse reads it: what an import needs of it.</summary>
public sealed record SynapseConfig
{
    private SynapseConfig(SettingMap settings, ConfigFiles files)
    {
        Settings = settings;
        Files = files.Files;
    }

    /// <summary>The files that were read, in order.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The server's name.</summary>
    public string ServerName { get; private init; } = "";

    /// <summary>The databases: one, or one for everything and one for state groups.</summary>
    public IReadOnlyList<SynapseDatabase> Databases { get; private init; } = [];

    /// <summary>The database of everything but state groups.</summary>
    public SynapseDatabase MainDatabase => Databases.First(static each => each.HasMain);

    /// <summary>The database of state groups; often the same.</summary>
    public SynapseDatabase StateDatabase => Databases.First(static each => each.HasState);

    /// <summary>Where the signing key is.</summary>
    public SigningKeySource SigningKey { get; private init; } = new("", null);

    /// <summary>Former signing keys.</summary>
    public IReadOnlyList<OldSigningKey> OldSigningKeys { get; private init; } = [];

    /// <summary>Where the media is.</summary>
    public MediaStore Media { get; private init; } = new("", true, []);

    /// <summary>The file with the process id while Synapse runs; empty if it writes none.</summary>
    public string PidFile { get; private init; } = "";

    /// <summary>How passwords count.</summary>
    public PasswordSettings Passwords { get; private init; } = new();

    /// <summary>Matrix Authentication Service; null if Synapse authenticates its users itself.</summary>
    public DelegatedAuthentication? Delegated { get; private init; }

    /// <summary>OpenID Connect providers.</summary>
    public IReadOnlyList<SignOnProvider> SignOnProviders { get; private init; } = [];

    /// <summary>Ways of signing in that this server does not have.</summary>
    public OtherSignIns OtherSignIns { get; private init; } = new(false, false, false);

    /// <summary>Python modules.</summary>
    public IReadOnlyList<SynapseModule> Modules { get; private init; } = [];

    /// <summary>Registrations of application services.</summary>
    public IReadOnlyList<RegisteredService> AppServices { get; private init; } = [];

    /// <summary>Workers.</summary>
    public WorkerSettings Workers { get; private init; } = WorkerSettings.Read(Nothing);

    /// <summary>The user who sends server notices; empty for none.</summary>
    public string NoticesUser { get; private init; } = "";

    /// <summary>Whether new accounts wait for an administrator's approval (MSC3866).</summary>
    public bool NeedsApproval { get; private init; }

    /// <summary>Whether pushers may send mail: `email.enable_notifs`.</summary>
    public bool HasMailPushers { get; private init; }

    /// <summary>The secret of macaroons; null if Synapse makes it of the signing key.</summary>
    public Secret? MacaroonSecret { get; private init; }

    /// <summary>The secret of forms; null for none.</summary>
    public Secret? FormSecret { get; private init; }

    /// <summary>The secret for creating accounts; null for none.</summary>
    public Secret? RegistrationSecret { get; private init; }

    /// <summary>All settings, for the mapping.</summary>
    internal SettingMap Settings { get; }

    private static SettingMap Nothing { get; } = new(
        new YamlValue.Map(default, new Dictionary<string, YamlValue>()),
        "",
        new SynapsePaths("/"),
        new ConfigProblems());

    /// <summary>Reads files and folders as Synapse does with its `--config-path` arguments.</summary>
    /// <param name="files">The files and folders.</param>
    /// <param name="paths">Where the files are that these name.</param>
    /// <param name="stop">Ends the reading.</param>
    public static async Task<LoadedConfig> LoadAsync(
        IReadOnlyList<string> files, SynapsePaths paths, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(paths);
        var problems = new ConfigProblems();
        var warnings = new List<ConfigWarning>();
        var read = await ConfigFiles.ReadAsync(files, problems, warnings, stop);
        var settings = new SettingMap(read.Settings, "", paths, problems);
        var config = problems.Found.Count == 0 ? Read(settings, read) : null;
        return new LoadedConfig(problems.Found.Count == 0 ? config : null, problems.Found, warnings);
    }

    private static SynapseConfig Read(SettingMap root, ConfigFiles files)
    {
        var serverName = root.Text("server_name") ?? "";
        if (!Core.Ident.ServerName.IsValid(serverName))
        {
            root.Refuse(
                root.Has("server_name") ? ConfigProblemKind.WrongValue : ConfigProblemKind.SettingMissing,
                "server_name",
                "expected the server's name");
        }

        var delegated = DelegatedAuthentication.Read(root);
        var notices = root.Map("server_notices").Text("system_mxid_localpart");
        var registration = root.Secret("registration_shared_secret", "registration_shared_secret_path");
        var approval = root.Map("experimental_features").Map("msc3866");
        return new SynapseConfig(root, files)
        {
            ServerName = serverName,
            Databases = DatabaseSettings.Read(root),
            SigningKey = SigningKeySource.Read(root, serverName, Path.GetDirectoryName(files.Files[^1])!),
            OldSigningKeys = OldSigningKey.Read(root),
            Media = MediaStore.Read(root),
            PidFile = root.FilePath("pid_file") ?? "",
            Passwords = PasswordSettings.Read(root, delegated is not null),
            Delegated = delegated,
            SignOnProviders = SignOnProvider.Read(root),
            OtherSignIns = OtherSignIns.Read(root),
            Modules = SynapseModule.Read(root),
            AppServices = RegisteredService.Read(root),
            Workers = WorkerSettings.Read(root),
            NoticesUser = notices is { Length: > 0 } ? $"@{notices}:{serverName}" : "",
            NeedsApproval = approval.Flag("enabled", false)
                && approval.Flag("require_approval_for_new_accounts", false),
            HasMailPushers = root.Map("email").Flag("enable_notifs", false),
            RegistrationSecret = registration,
            MacaroonSecret = root.Secret("macaroon_secret_key", "macaroon_secret_key_path") ?? registration,
            FormSecret = root.Secret("form_secret", "form_secret_path"),
        };
    }
}
