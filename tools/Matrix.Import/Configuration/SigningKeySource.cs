using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>Where Synapse has its signing key.</summary>
/// <param name="File">The file; empty if the configuration has the key itself.</param>
/// <param name="Inline">The key in the configuration, as a line of such a file; null if a file has it.</param>
public sealed record SigningKeySource(string File, Secret? Inline)
{
    /// <param name="root">The settings.</param>
    /// <param name="serverName">The server's name.</param>
    /// <param name="configFolder">The folder of the last configuration file, where the key is by default.</param>
    internal static SigningKeySource Read(SettingMap root, string serverName, string configFolder) =>
        root.Text("signing_key") is { Length: > 0 } key
            ? new SigningKeySource("", new Secret(key))
            : new SigningKeySource(
                root.FilePath("signing_key_path") ?? Path.Combine(configFolder, serverName + ".signing.key"), null);
}
