namespace Matrix.Import.Configuration.Reading;

/// <summary>
/// The settings of one level. A setting that is missing, or that has no value, is read as null or as the given default;
/// one of another type too, and the problem is noted.
/// </summary>
/// <param name="map">The values.</param>
/// <param name="path">The name of this level, such as `password_config.policy`; empty for the outermost.</param>
/// <param name="paths">Where the files are that the settings name.</param>
internal sealed class SettingMap(YamlValue.Map map, string path, SynapsePaths paths, ConfigProblems problems)
{
    private const int LargestFile = 1 << 20;

    internal string Path => path;

    internal YamlPlace Place => map.Place;

    internal IReadOnlyDictionary<string, YamlValue> Members => map.Members;

    internal ConfigProblems Problems => problems;

    internal string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>The same settings, with problems noted elsewhere.</summary>
    internal SettingMap With(ConfigProblems others) => new(map, path, paths, others);

    /// <summary>The value of a setting; null if it has none.</summary>
    internal YamlValue? Find(string name) => map.Find(name) is { } value and not YamlValue.Nothing ? value : null;

    /// <summary>Whether a setting has a value.</summary>
    internal bool Has(string name) => Find(name) is not null;

    /// <summary>Whether a setting is written, with a value or without one.</summary>
    internal bool IsWritten(string name) => map.Find(name) is not null;

    internal string? Text(string name) => Read(name, "text", static value => (value as YamlValue.Text)?.Value);

    /// <summary>A text that looks like a number or a boolean too, as it is written.</summary>
    internal string? AnyText(string name) => Read(name, "text", static value => value switch
    {
        YamlValue.Text text => text.Value,
        YamlValue.Whole number => number.Written,
        YamlValue.Real number => number.Written,
        YamlValue.Flag flag => flag.Value ? "True" : "False",
        _ => null,
    });

    internal bool? Flag(string name) => Read(name, "true or false", static value => (value as YamlValue.Flag)?.Value);

    internal bool Flag(string name, bool otherwise) => Flag(name) ?? otherwise;

    internal long? Whole(string name) => Read(name, "an integer", static value => (value as YamlValue.Whole)?.Value);

    internal double? Number(string name) => Read(name, "a number", static value => value switch
    {
        YamlValue.Whole whole => whole.Value,
        YamlValue.Real real => (double?)real.Value,
        _ => null,
    });

    internal TimeSpan? Duration(string name) => Read(
        name,
        "a duration, such as 30s, 10m, 2h, 7d, 4w or 1y, or milliseconds",
        static value => TextOf(value) is { } text && SynapseUnits.TryReadDuration(text, out var read) ? read : null,
        (TimeSpan?)null);

    internal long? Bytes(string name) => Read(
        name,
        "a size, such as 50M, or bytes",
        static value => TextOf(value) is { } text && SynapseUnits.TryReadBytes(text, out var read) ? read : null,
        (long?)null);

    /// <summary>A list of texts; empty if there is none.</summary>
    internal IReadOnlyList<string> Texts(string name) =>
        Read(name, "a list of texts", static value => value switch
        {
            YamlValue.Items list when list.Values.All(static item => item is YamlValue.Text) =>
                list.Values.Select(static item => ((YamlValue.Text)item).Value).ToArray(),
            _ => null,
        }) ?? [];

    /// <summary>A list of texts, which may be written as one text.</summary>
    internal IReadOnlyList<string> TextOrTexts(string name) =>
        Find(name) is YamlValue.Text one ? [one.Value] : Texts(name);

    /// <summary>The level below a name; an empty one if there is none.</summary>
    internal SettingMap Map(string name)
    {
        var below = Read(name, "a mapping", static value => value as YamlValue.Map);
        return Below(below ?? new YamlValue.Map(map.Place, new Dictionary<string, YamlValue>()), name);
    }

    /// <summary>The levels of a list of mappings; empty if there is none.</summary>
    internal IReadOnlyList<SettingMap> Maps(string name)
    {
        var list = Read(name, "a list of mappings", static value => value switch
        {
            YamlValue.Items items when items.Values.All(static item => item is YamlValue.Map) => items,
            _ => null,
        });
        return [.. (list?.Values ?? []).Select(item => Below((YamlValue.Map)item, name))];
    }

    /// <summary>The full path of a file or folder that a setting names; null if it names none.</summary>
    internal string? FilePath(string name) => Text(name) is { Length: > 0 } file ? FullPath(file) : null;

    /// <summary>The full path of a file or folder that the configuration names.</summary>
    internal string FullPath(string file) => paths.FullPath(file);

    /// <summary>A secret, which may be in a file that another setting names. Both at once are refused.</summary>
    internal Secret? Secret(string name, string nameOfFile)
    {
        var given = AnyText(name) is { Length: > 0 } text ? new Secret(text) : null;
        if (Text(nameOfFile) is not { Length: > 0 } file) return given;
        if (given is not null)
        {
            Refuse(ConfigProblemKind.Conflict, nameOfFile, $"`{PathOf(name)}` is set too");
            return null;
        }

        return ReadText(nameOfFile, file) is { } read ? new Secret(read.Trim()) : null;
    }

    /// <summary>The text of a file that a setting names; null with a problem if it cannot be read.</summary>
    internal string? ReadText(string name, string file)
    {
        var full = FullPath(file);
        try
        {
            if (new FileInfo(full) is { Exists: true, Length: > LargestFile })
            {
                Refuse(ConfigProblemKind.FileUnreadable, name, $"{full} has more than {LargestFile} bytes");
                return null;
            }

            return File.ReadAllText(full);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            Refuse(ConfigProblemKind.FileMissing, name, $"{full} does not exist{Hint(file)}");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Refuse(ConfigProblemKind.FileUnreadable, name, fault.Message);
        }

        return null;
    }

    /// <summary>Notes what is wrong with a setting.</summary>
    internal void Refuse(ConfigProblemKind kind, string name, string message) =>
        problems.Add(kind, (map.Find(name) ?? map).Place.ToString(), PathOf(name), message);

    private static string Hint(string file) => System.IO.Path.IsPathRooted(file)
        ? ". If it is a path of a container, say where its folder is here (--moved)"
        : ". Relative paths begin in the folder in which Synapse runs: name it (--synapse-folder)";

    private SettingMap Below(YamlValue.Map below, string name) => new(below, PathOf(name), paths, problems);

    private static string? TextOf(YamlValue value) => value switch
    {
        YamlValue.Text text => text.Value,
        YamlValue.Whole number => number.Written,
        _ => null,
    };

    private T? Read<T>(string name, string expected, Func<YamlValue, T?> read)
        where T : class
    {
        if (Find(name) is not { } value) return null;
        var result = read(value);
        if (result is null) WrongType(name, expected, value);
        return result;
    }

    private T? Read<T>(string name, string expected, Func<YamlValue, T?> read, T? otherwise = null)
        where T : struct
    {
        if (Find(name) is not { } value) return otherwise;
        var result = read(value);
        if (result is null) WrongType(name, expected, value);
        return result ?? otherwise;
    }

    private void WrongType(string name, string expected, YamlValue value) =>
        Refuse(ConfigProblemKind.WrongType, name, $"expected {expected}, found {value.Kind}");
}
