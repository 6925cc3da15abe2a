using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>What each part of the mapping reads and writes.</summary>
/// <param name="Config">Synapse's configuration.</param>
/// <param name="From">Its settings; what is wrong with them becomes a refusal.</param>
/// <param name="Ours">This server's settings.</param>
/// <param name="Findings">What the operator is told.</param>
/// <param name="Files">Files beside the settings.</param>
internal sealed record MappingContext(
    SynapseConfig Config, SettingMap From, OurSettings Ours, Findings Findings, List<CarriedFile> Files)
{
    /// <summary>Adds a file, under another name if there is one of that name.</summary>
    /// <param name="folder">The folder in which it is; empty for that of the settings.</param>
    /// <param name="wanted">The name without its ending; characters that no file name needs are replaced.</param>
    /// <param name="ending">The ending of its name, with the dot.</param>
    /// <param name="content">The content.</param>
    /// <returns>Its name, relative to the folder of the settings.</returns>
    internal string Add(string folder, string wanted, string ending, ReadOnlyMemory<byte> content)
    {
        var safe = string.Concat(wanted.Select(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
        if (safe.Length is 0 or > 100) safe = safe.Length == 0 ? "file" : safe[..100];
        var name = Path.Combine(folder, safe + ending);
        for (var i = 2; Files.Exists(file => file.Name == name); i++)
        {
            name = Path.Combine(folder, $"{safe}-{i}{ending}");
        }

        Files.Add(new CarriedFile(name, content));
        return name;
    }
}
