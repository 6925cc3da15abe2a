using System.Collections;
using Matrix.Host.Configuration;
using Matrix.Import.Configuration;
using Matrix.Import.Configuration.Mapping;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Tests.Configuration;

/// <summary>A folder with Synapse's configuration, in which Synapse runs.</summary>
internal sealed class ConfigFolder : IDisposable
{
    /// <summary>What every configuration needs.</summary>
    internal const string Least = """
        server_name: example.org
        report_stats: false
        database: {name: sqlite3, args: {database: homeserver.db}}

        """;

    internal string Root { get; } = Directory.CreateTempSubdirectory("import-config-").FullName;

    internal string Target => PathOf("new");

    internal string PathOf(string name) => Path.Combine(Root, name);

    /// <summary>Writes a file and returns its path.</summary>
    internal string Write(string name, string text)
    {
        var path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    internal Task<LoadedConfig> LoadAsync(params string[] names) =>
        LoadAsync(new SynapsePaths(Root), names);

    internal Task<LoadedConfig> LoadAsync(SynapsePaths paths, params string[] names) =>
        SynapseConfig.LoadAsync([.. names.Select(PathOf)], paths, CancellationToken.None);

    /// <summary>Reads what every configuration needs, and these lines after it.</summary>
    internal async Task<SynapseConfig> ReadAsync(string lines)
    {
        Write("homeserver.yaml", Least + lines);
        var loaded = await LoadAsync("homeserver.yaml");
        Assert.That(loaded.Problems, Is.Empty);
        return loaded.Config!;
    }

    /// <summary>The problems of what every configuration needs, and these lines after it.</summary>
    internal async Task<IReadOnlyList<string>> ProblemsAsync(string lines)
    {
        Write("homeserver.yaml", Least + lines);
        var loaded = await LoadAsync("homeserver.yaml");
        Assert.That(loaded.Config is null, Is.EqualTo(loaded.Problems.Count > 0));
        return [.. loaded.Problems.Select(problem => $"{problem.Kind} {problem.Setting}")];
    }

    internal async Task<MappedSettings> MapAsync(string lines) =>
        SettingsMapping.Map(await ReadAsync(lines), new MappingOptions());

    /// <summary>The names of the findings of a kind.</summary>
    internal async Task<IReadOnlyList<string>> NamesAsync(FindingKind kind, string lines) =>
        [.. (await MapAsync(lines)).Findings.Where(each => each.Kind == kind).Select(each => each.Setting)];

    /// <summary>What this server makes of the mapped settings.</summary>
    internal async Task<HomeserverConfig> CarryAsync(string lines)
    {
        var mapped = await MapAsync(lines);
        return await LoadWrittenAsync(mapped.Config);
    }

    /// <summary>Writes the configuration, and reads it as this server does.</summary>
    internal async Task<HomeserverConfig> LoadWrittenAsync(CarriedConfig config)
    {
        if (Directory.Exists(Target)) Directory.Delete(Target, recursive: true);
        Assert.That(await config.WriteAsync(Target, CancellationToken.None), Is.InstanceOf<ConfigWriting.Done>());
        var (read, mistakes) = ConfigLocation.Load(
            Path.Combine(Target, CarriedConfig.FileName), new Hashtable());
        Assert.That(mistakes.Select(mistake => mistake.ToString()), Is.Empty);
        return read!;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
