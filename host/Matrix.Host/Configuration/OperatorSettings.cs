using Matrix.Host.Network;
using Matrix.Host.Storage;

namespace Matrix.Host.Configuration;

/// <summary>
/// The configuration for operators' tools, read exactly as the server reads it: its mistakes, and the values that the
/// tools need.
/// </summary>
public sealed class OperatorSettings
{
    private OperatorSettings(string file, IReadOnlyList<SettingMistake> mistakes, HomeserverConfig? config)
    {
        File = file;
        Mistakes = mistakes;
        if (config is null) return;
        ServerName = config.ServerName;
        Storage = config.Storage;
        SigningKeyFile = config.SigningKeyFile;
        SharedSecret = config.Client.RegistrationSharedSecret;
        MediaFolder = config.Media.S3.Endpoint.Length > 0 ? null : config.Media.Folder;
        Network = config.Network;
        ControlSocket = config.HasControl ? ControlPath.In(config.DataDir) : null;
        // A listener on every address is reached at the loopback address.
        if (config.ClientListener is { Port: not 0 } clients)
        {
            ClientAddress = new UriBuilder(
                "http", IsAny(clients.Address) ? "localhost" : clients.Address.ToString(), clients.Port).Uri;
        }
    }

    /// <summary>The file's full path.</summary>
    public string File { get; }

    /// <summary>Whether the file exists; without one the defaults and the environment apply.</summary>
    public bool FileExists => System.IO.File.Exists(File);

    /// <summary>The mistakes. If there are any, all other values are empty.</summary>
    public IReadOnlyList<SettingMistake> Mistakes { get; }

    /// <summary>The server's name.</summary>
    public string ServerName { get; } = "";

    /// <summary>The database; null if there are mistakes.</summary>
    public StorageOptions? Storage { get; }

    /// <summary>How other servers are reached; null if there are mistakes.</summary>
    public NetworkOptions? Network { get; }

    /// <summary>The socket of the running server; null if it has none.</summary>
    public string? ControlSocket { get; }

    /// <summary>The file of the server's signing keys.</summary>
    public string SigningKeyFile { get; } = "";

    /// <summary>The folder of media; null if a bucket has the contents.</summary>
    public string? MediaFolder { get; }

    /// <summary>The secret for creating accounts; empty if there is none.</summary>
    public string SharedSecret { get; } = "";

    /// <summary>The address of the client listener on this machine; null if there is none or it is unknown.</summary>
    public Uri? ClientAddress { get; }

    /// <summary>The named file, or the one that the server would read, whether or not it exists.</summary>
    public static string FileOf(string? named) => ConfigLocation.Find(
        string.IsNullOrEmpty(named) ? null : named, Environment.GetEnvironmentVariables()).File;

    /// <summary>Reads the named file, or the one that the server would read, and the environment.</summary>
    /// <param name="named">The file; null or empty for the server's.</param>
    public static OperatorSettings Load(string? named)
    {
        var environment = Environment.GetEnvironmentVariables();
        var (file, isNamed) = ConfigLocation.Find(string.IsNullOrEmpty(named) ? null : named, environment);
        if (isNamed && !System.IO.File.Exists(file))
        {
            return new OperatorSettings(file, [new SettingMistake(file, "there is no such file")], null);
        }

        var (config, mistakes) = ConfigLocation.Load(file, environment);
        return new OperatorSettings(file, [.. mistakes.Select(m => new SettingMistake(m.Location, m.Message))], config);
    }

    /// <summary>The commented file with every setting, its meaning and its default.</summary>
    /// <param name="serverName">The server's name in it; null for the default.</param>
    public static string Template(string? serverName) =>
        ConfigTemplate.Write(serverName ?? HomeserverConfig.Defaults.ServerName);

    /// <summary>All settings, by group, in the order of that file.</summary>
    public static IReadOnlyList<SettingGroup> Groups { get; } =
    [
        .. Settings.All.Where(static setting => !setting.IsHidden)
            .GroupBy(static setting => setting.Section)
            .Select(static group => new SettingGroup(
                group.Key,
                Settings.Sections.GetValueOrDefault(group.Key).Meaning ?? "Settings without a group.",
                [.. group.Select(static setting => new DescribedSetting(
                    setting.Name, setting.DefaultText, setting.Meaning))])),
    ];

    private static bool IsAny(System.Net.IPAddress address) =>
        address.Equals(System.Net.IPAddress.Any) || address.Equals(System.Net.IPAddress.IPv6Any);
}

/// <summary>A mistake in the configuration.</summary>
/// <param name="Location">A file and line, or a variable's name.</param>
/// <param name="Message">The expected value.</param>
public sealed record SettingMistake(string Location, string Message);

/// <summary>A group of settings.</summary>
/// <param name="Name">What the settings' names begin with; "" for those without a group.</param>
/// <param name="Meaning">The help text of the group.</param>
/// <param name="Settings">The settings.</param>
public sealed record SettingGroup(string Name, string Meaning, IReadOnlyList<DescribedSetting> Settings);

/// <summary>A setting.</summary>
/// <param name="Name">The full name.</param>
/// <param name="Default">The default as written in a file.</param>
/// <param name="Meaning">The help text.</param>
public sealed record DescribedSetting(string Name, string Default, string Meaning);
