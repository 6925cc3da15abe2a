namespace Matrix.Import.Configuration.Reading;

/// <summary>
/// Reads the files of Synapse's `--config-path` arguments: a folder stands for its `*.yaml` in order. Each file
/// replaces the outermost settings of those before it.
/// </summary>
internal sealed class ConfigFiles
{
    private const string Extension = ".yaml";
    private const int MostFiles = 1000;
    private const int LargestFile = 8 << 20;

    private readonly ConfigProblems _problems;
    private readonly List<ConfigWarning> _warnings;
    private readonly OrderedDictionary<string, YamlValue> _settings = new(StringComparer.Ordinal);
    private readonly List<string> _files = [];

    private ConfigFiles(ConfigProblems problems, List<ConfigWarning> warnings)
    {
        _problems = problems;
        _warnings = warnings;
    }

    /// <summary>The files that were read, in order.</summary>
    internal IReadOnlyList<string> Files => _files;

    /// <summary>The settings of all files.</summary>
    internal YamlValue.Map Settings => new(new YamlPlace(_files.LastOrDefault("configuration"), 0), _settings);

    internal static async Task<ConfigFiles> ReadAsync(
        IReadOnlyList<string> paths, ConfigProblems problems, List<ConfigWarning> warnings, CancellationToken stop)
    {
        var read = new ConfigFiles(problems, warnings);
        foreach (var file in paths.SelectMany(read.FilesOf).Take(MostFiles)) await read.AddAsync(file, stop);
        if (read._files.Count == 0 && problems.Found.Count == 0)
        {
            problems.Add(
                ConfigProblemKind.NoConfiguration,
                paths.Count == 0 ? "configuration" : string.Join(", ", paths),
                "",
                $"no file of Synapse's configuration (*{Extension}) was named");
        }

        return read;
    }

    private IEnumerable<string> FilesOf(string path)
    {
        if (!Directory.Exists(path)) return [path];
        try
        {
            string[] entries = [.. Directory.EnumerateFileSystemEntries(path).Order(StringComparer.Ordinal)];
            foreach (var other in entries.Where(static entry => !IsConfiguration(entry)))
            {
                _warnings.Add(new ConfigWarning(other, $"not read: Synapse reads files that end in {Extension}"));
            }

            return entries.Where(IsConfiguration);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            _problems.Add(ConfigProblemKind.FileUnreadable, path, "", fault.Message);
            return [];
        }
    }

    private static bool IsConfiguration(string entry) =>
        entry.EndsWith(Extension, StringComparison.Ordinal) && File.Exists(entry);

    private async Task AddAsync(string file, CancellationToken stop)
    {
        if (await TextAsync(file, stop) is not { } text) return;
        var (document, problem) = YamlReader.Read(file, text, _warnings);
        if (problem is not null)
        {
            _problems.Add(problem.Kind, problem.Location, "", problem.Message);
        }
        else if (document is YamlValue.Nothing)
        {
            _warnings.Add(new ConfigWarning(file, "empty"));
        }
        else if (document is not YamlValue.Map map)
        {
            _problems.Add(ConfigProblemKind.NotAMap, file, "", "expected settings as `name: value`");
        }
        else
        {
            _files.Add(Path.GetFullPath(file));
            foreach (var (name, value) in map.Members) Put(name, value);
        }
    }

    private void Put(string name, YamlValue value)
    {
        if (_settings.Remove(name, out var replaced))
        {
            _warnings.Add(new ConfigWarning(value.Place.ToString(), $"`{name}` replaces that of {replaced.Place}"));
        }

        _settings.Add(name, value);
    }

    private async Task<string?> TextAsync(string file, CancellationToken stop)
    {
        try
        {
            if (new FileInfo(file) is { Exists: true, Length: > LargestFile })
            {
                _problems.Add(ConfigProblemKind.NotYaml, file, "", $"more than {LargestFile} bytes");
                return null;
            }

            return await File.ReadAllTextAsync(file, stop);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            _problems.Add(ConfigProblemKind.FileMissing, file, "", "there is no such file or folder");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            _problems.Add(ConfigProblemKind.FileUnreadable, file, "", fault.Message);
        }

        return null;
    }
}
