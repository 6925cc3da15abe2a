using Matrix.Import.Runs;

namespace Matrix.Import.Commands;

/// <summary>What the operator gives to the commands of the import.</summary>
public sealed record ImportOptions
{
    /// <summary>Synapse's configuration: files and folders, as its `--config-path`.</summary>
    public required IReadOnlyList<string> ConfigPaths { get; init; }

    /// <summary>The folder in which Synapse runs, where relative paths of its configuration begin.</summary>
    public string SynapseFolder { get; init; } = "";

    /// <summary>Folders that Synapse knows by another name, such as those of a container, by that name.</summary>
    public IReadOnlyDictionary<string, string> Moved { get; init; } = new Dictionary<string, string>();

    /// <summary>The data folder of this server.</summary>
    public required string DataFolder { get; init; }

    /// <summary>The database of this server, as `database.url`.</summary>
    public string DatabaseUrl { get; init; } = "sqlite:homeserver.db";

    /// <summary>What is chosen.</summary>
    public ImportChoices Choices { get; init; } = new();

    /// <summary>How long Synapse's numbers are watched before the import; for tests.</summary>
    public TimeSpan Watched { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The parts that run; for tests.</summary>
    internal IReadOnlyList<IImportPart> Parts { get; init; } = ImportParts.All;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
