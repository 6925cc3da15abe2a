using Matrix.Host.Storage;

namespace Matrix.Host.Configuration;

/// <summary>The configuration as operators' tools see it: what is wrong with it, and what they need of it. Read exactly as the server reads it.</summary>
public sealed class OperatorSettings
{
    private OperatorSettings(string file, IReadOnlyList<SettingMistake> mistakes, HomeserverConfig? config)
    {
        File = file;
        Mistakes = mistakes;
        if (config is null) return;
        ServerName = config.ServerName;
        Storage = config.Storage;
        SharedSecret = config.Client.RegistrationSharedSecret;
        // A listener on every address is reached at this machine's own.
        if (config.ClientListener is { Port: not 0 } clients)
        {
            ClientAddress = new UriBuilder("http", IsAny(clients.Address) ? "localhost" : clients.Address.ToString(), clients.Port).Uri;
        }
    }

    /// <summary>The file's full name.</summary>
    public string File { get; }

    /// <summary>Whether the file is there; without one the defaults and the environment hold.</summary>
    public bool FileExists => System.IO.File.Exists(File);

    /// <summary>What is wrong. If there is anything, the rest is empty.</summary>
    public IReadOnlyList<SettingMistake> Mistakes { get; }

    /// <summary>The server's name.</summary>
    public string ServerName { get; } = "";

    /// <summary>The database; null if something is wrong.</summary>
    public StorageOptions? Storage { get; }

    /// <summary>By what accounts are made; empty if by nothing.</summary>
    public string SharedSecret { get; } = "";

    /// <summary>Where the server serves clients on this machine; null if it does not, or nobody can say.</summary>
    public Uri? ClientAddress { get; }

    /// <summary>Reads the file that is named, or the one that the server would read, and the environment.</summary>
    /// <param name="named">The file; null or empty for the server's.</param>
    public static OperatorSettings Load(string? named)
    {
        var environment = Environment.GetEnvironmentVariables();
        var (file, isNamed) = ConfigLocation.Find(string.IsNullOrEmpty(named) ? null : named, environment);
        if (isNamed && !System.IO.File.Exists(file)) return new OperatorSettings(file, [new SettingMistake(file, "there is no such file")], null);
        var (config, mistakes) = ConfigLocation.Load(file, environment);
        return new OperatorSettings(file, [.. mistakes.Select(m => new SettingMistake(m.Place, m.Message))], config);
    }

    /// <summary>A commented file with every setting, its meaning and its default.</summary>
    /// <param name="serverName">The server's name in it; null for the default.</param>
    public static string Template(string? serverName) => ConfigTemplate.Write(serverName ?? ConfigKeys.ServerName.Default);

    private static bool IsAny(System.Net.IPAddress address) =>
        address.Equals(System.Net.IPAddress.Any) || address.Equals(System.Net.IPAddress.IPv6Any);
}

/// <summary>A mistake in the configuration.</summary>
/// <param name="Place">Where: a file and line, or a variable's name.</param>
/// <param name="Message">What was expected.</param>
public sealed record SettingMistake(string Place, string Message);
