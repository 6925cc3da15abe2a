using System.Collections;

namespace Matrix.Host.Configuration;

/// <summary>
/// The values of the file and the environment, checked against <see cref="Settings"/>. The environment takes
/// precedence.
/// </summary>
internal sealed class ConfigValues
{
    private const string Prefix = "MATRIX_";

    private readonly Dictionary<string, ConfigText> _texts;
    private readonly HashSet<string> _fromEnvironment = new(StringComparer.Ordinal);

    private ConfigValues(Dictionary<string, ConfigText> texts) => _texts = texts;

    /// <summary>Reads and checks the values.</summary>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="file">The file's text; null if there is none.</param>
    /// <returns>The values and their mistakes.</returns>
    internal static (ConfigValues Values, IReadOnlyList<ConfigMistake> Mistakes) Read(
        string name, string? file, IDictionary environment) =>
        Read(name, file, environment, Settings.Renamed);

    /// <summary>Reads and checks the values, with these renamed settings.</summary>
    internal static (ConfigValues Values, IReadOnlyList<ConfigMistake> Mistakes) Read(
        string name, string? file, IDictionary environment, IReadOnlyDictionary<string, string> renamed)
    {
        var keys = Settings.All.ToDictionary(k => k.Name, StringComparer.Ordinal);
        var objects = keys.Values.Where(k => k.IsObject).Select(k => k.Name).ToHashSet(StringComparer.Ordinal);
        var read = ConfigFile.Read(name, new StringReader(file ?? ""), objects);
        var mistakes = read.Mistakes;
        var sections = keys.Keys.Where(k => k.Contains('.')).Select(k => k[..k.IndexOf('.')])
            .ToHashSet(StringComparer.Ordinal);
        CheckNames(read, keys, sections, renamed);

        var values = new ConfigValues(
            read.Values.Where(v => keys.ContainsKey(v.Key)).ToDictionary(StringComparer.Ordinal));
        values.Override(environment, keys.Values, sections, renamed, mistakes);
        values.CheckTexts(keys, mistakes);
        return (values, mistakes);
    }

    /// <summary>Adds the names of the file that are not those of settings and groups to its mistakes.</summary>
    private static void CheckNames(
        ConfigFile read,
        Dictionary<string, Setting> keys,
        HashSet<string> sections,
        IReadOnlyDictionary<string, string> renamed)
    {
        var mistakes = read.Mistakes;
        foreach (var (path, text) in read.Values)
        {
            if (keys.ContainsKey(path)) continue;
            mistakes.Add(new ConfigMistake(text.Location, sections.Contains(path)
                ? $"`{path}` is a group: expected indented settings below it"
                : Unknown(path, keys.Keys, renamed)));
        }

        foreach (var (path, location) in read.Sections)
        {
            // If a whole group was renamed, each of its settings is reported.
            if (sections.Contains(path)
                || renamed.Keys.Any(old => old.StartsWith(path + ".", StringComparison.Ordinal)))
            {
                continue;
            }

            if (keys.ContainsKey(path))
            {
                mistakes.Add(new ConfigMistake(location, $"`{path}` is a setting, not a group"));
            }
            else if (!path.Contains('.'))
            {
                mistakes.Add(new ConfigMistake(location, Unknown(path, sections.Concat(keys.Keys), renamed)));
            }
        }

        mistakes.AddRange(read.Unset
            .Where(u => !keys.ContainsKey(u.Key) && !sections.Contains(u.Key))
            .Select(u => new ConfigMistake(u.Value, Unknown(u.Key, keys.Keys, renamed))));
    }

    /// <summary>Adds the values that are not of their settings' types to the mistakes.</summary>
    private void CheckTexts(Dictionary<string, Setting> keys, List<ConfigMistake> mistakes)
    {
        foreach (var (path, text) in _texts)
        {
            if (text.Items is not null && !keys[path].IsList)
            {
                mistakes.Add(new ConfigMistake(text.Location, $"`{path}`: expected a value or nested settings"));
                continue;
            }

            foreach (var item in text.Items ?? [text])
            {
                if (keys[path].Mistake(item.Text) is not { } expected) continue;
                mistakes.Add(
                    new ConfigMistake(
                        item.Location, $"`{path}`: expected {expected}, found {Shown(keys[path], item.Text)}"));
            }
        }
    }

    /// <summary>Sets the options of all settings that have a value.</summary>
    /// <param name="folder">
    /// The folder of the file: a path in the file is relative to it, one in the environment to the current folder.
    /// </param>
    internal void Apply(HomeserverConfig config, string folder)
    {
        foreach (var setting in Settings.All)
        {
            if (!_texts.TryGetValue(setting.Name, out var text)) continue;
            setting.Apply(
                config,
                text.Text,
                _fromEnvironment.Contains(setting.Name) ? Environment.CurrentDirectory : folder);
        }
    }

    /// <summary>The location of a setting's value; its name if it has none.</summary>
    internal string LocationOf(string name) => _texts.TryGetValue(name, out var text) ? text.Location : name;

    private void Override(
        IDictionary environment,
        IEnumerable<Setting> keys,
        HashSet<string> sections,
        IReadOnlyDictionary<string, string> renamed,
        List<ConfigMistake> mistakes)
    {
        var renamedVariables = renamed.ToDictionary(
            r => Setting.VariableOf(r.Key), r => Setting.VariableOf(r.Value), StringComparer.Ordinal);
        var byVariable = keys.ToDictionary(k => k.Variable, StringComparer.Ordinal);
        foreach (DictionaryEntry entry in environment)
        {
            var (variable, text) = ((string)entry.Key, (string?)entry.Value ?? "");
            if (!variable.StartsWith(Prefix, StringComparison.Ordinal)) continue;
            if (byVariable.TryGetValue(variable, out var key))
            {
                _texts[key.Name] = new ConfigText(text, variable);
                _fromEnvironment.Add(key.Name);
            }
            else if (renamedVariables.TryGetValue(variable, out var name))
            {
                mistakes.Add(new ConfigMistake(variable, $"this setting was renamed to `{name}`"));
            }
            else if (variable.IndexOf("__", StringComparison.Ordinal) is > 7 and var at
                && sections.Contains(variable[7..at].ToLowerInvariant()))
            {
                // Other programs' variables may have the same prefix; those that name one of our groups are meant for
                // us.
                mistakes.Add(new ConfigMistake(variable, $"unknown setting{Nearest(variable, byVariable.Keys)}"));
            }
        }
    }

    private static string Unknown(
        string path, IEnumerable<string> known, IReadOnlyDictionary<string, string> renamed) =>
        renamed.TryGetValue(path, out var name)
            ? $"`{path}` was renamed to `{name}`"
            : $"unknown setting `{path}`{Nearest(path, known)}";

    private static string Nearest(string given, IEnumerable<string> known)
    {
        var nearest = known.Select(k => (Name: k, Distance: Distance(given, k))).MinBy(k => k.Distance);
        return nearest.Distance <= Math.Max(2, given.Length / 3) ? $"; did you mean `{nearest.Name}`?" : "";
    }

    /// <summary>The edit distance of two words.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }

    // A mistyped secret is still a secret.
    private static string Shown(Setting key, string text) => key.IsSecret ? "something else" : $"`{text}`";
}
