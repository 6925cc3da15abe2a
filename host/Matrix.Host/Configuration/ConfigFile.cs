using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Matrix.Host.Configuration;

/// <summary>A mistake in the configuration: its location and the expected value.</summary>
internal sealed record ConfigMistake(string Location, string Message)
{
    public override string ToString() => $"{Location}: {Message}";
}

/// <summary>A value as written, and its location.</summary>
/// <param name="Text">The value; a list's items separated by commas.</param>
/// <param name="Items">The items with their locations; null if it is not a list.</param>
internal readonly record struct ConfigText(string Text, string Location, IReadOnlyList<ConfigText>? Items = null);

/// <summary>
/// Reads a YAML file of nested mappings and lists into a flat list of names and texts. It does not know what the names
/// mean.
/// </summary>
internal sealed class ConfigFile
{
    private readonly string _file;
    private readonly Parser _events;

    private readonly IReadOnlySet<string> _objects;

    private ConfigFile(string file, TextReader text, IReadOnlySet<string> objects)
    {
        _file = file;
        _objects = objects;
        _events = new Parser(text);
    }

    internal Dictionary<string, ConfigText> Values { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of mappings, and their locations.</summary>
    internal Dictionary<string, string> Sections { get; } = new(StringComparer.Ordinal);

    /// <summary>Names without a value, and their locations.</summary>
    internal Dictionary<string, string> Unset { get; } = new(StringComparer.Ordinal);

    internal List<ConfigMistake> Mistakes { get; } = [];

    /// <summary>Reads a text; `file` is its name in messages.</summary>
    /// <param name="objects">Names whose mappings and lists are values: they are read as JSON.</param>
    internal static ConfigFile Read(string file, TextReader text, IReadOnlySet<string> objects)
    {
        var read = new ConfigFile(file, text, objects);
        try
        {
            read.Document();
        }
        catch (YamlException broken)
        {
            read.Mistakes.Add(new ConfigMistake($"{file}:{broken.Start.Line}", $"not YAML: {broken.Message}"));
        }
        catch (EndOfStreamException)
        {
            // The parser throws this where the text ends inside a token, such as at a NUL.
            read.Mistakes.Add(new ConfigMistake(file, "not YAML: it ends too early"));
        }

        return read;
    }

    private void Document()
    {
        _events.Consume<StreamStart>();
        if (_events.TryConsume<StreamEnd>(out _)) return;
        _events.Consume<DocumentStart>();
        if (_events.TryConsume<MappingStart>(out _))
        {
            Mapping("");
        }
        else if (!_events.TryConsume<Scalar>(out var only) || only.Value.Length > 0)
        {
            Refuse(_events.Current ?? only!, "expected settings as `name: value`");
            return;
        }

        _events.Consume<DocumentEnd>();
        if (!_events.TryConsume<StreamEnd>(out _)) Refuse(_events.Current!, "expected one document");
    }

    private void Mapping(string prefix)
    {
        while (!_events.TryConsume<MappingEnd>(out _))
        {
            if (!_events.TryConsume<Scalar>(out var name))
            {
                Refuse(_events.Current!, "expected a setting's name");
                _events.SkipThisAndNestedEvents();
                _events.SkipThisAndNestedEvents();
                continue;
            }

            var path = prefix.Length == 0 ? name.Value : $"{prefix}.{name.Value}";
            if (Values.ContainsKey(path) || Sections.ContainsKey(path) || Unset.ContainsKey(path))
            {
                Refuse(name, $"`{path}` is set twice");
            }

            if (_objects.Contains(path) && _events.TryConsume<MappingStart>(out var value))
            {
                if (YamlAsJson.ReadMapping(_events) is { } json) Values[path] = new ConfigText(json, LocationOf(value));
                else Refuse(value, $"`{path}`: expected names once each, and values that JSON has");
            }
            else if (_objects.Contains(path) && _events.TryConsume<SequenceStart>(out var list))
            {
                if (YamlAsJson.ReadSequence(_events) is { } json) Values[path] = new ConfigText(json, LocationOf(list));
                else Refuse(list, $"`{path}`: expected names once each, and values that JSON has");
            }
            else if (_events.TryConsume<MappingStart>(out _))
            {
                Sections[path] = LocationOf(name);
                Mapping(path);
            }
            else if (_events.TryConsume<Scalar>(out var scalar))
            {
                // `name:` without a value and `name: null` mean the default.
                var isUnset = scalar.Style == ScalarStyle.Plain && scalar.Value is "" or "~" or "null";
                if (isUnset) Unset[path] = LocationOf(name);
                else Values[path] = new ConfigText(scalar.Value, LocationOf(scalar));
            }
            else if (_events.TryConsume<SequenceStart>(out var items))
            {
                Items(path, items);
            }
            else
            {
                Refuse(_events.Current!, $"`{path}`: expected a value or nested settings");
                _events.SkipThisAndNestedEvents();
            }
        }
    }

    private void Items(string path, SequenceStart list)
    {
        var items = new List<ConfigText>();
        while (!_events.TryConsume<SequenceEnd>(out _))
        {
            if (_events.TryConsume<Scalar>(out var item))
            {
                items.Add(new ConfigText(item.Value, LocationOf(item)));
            }
            else
            {
                Refuse(_events.Current!, $"`{path}`: expected a list of values");
                _events.SkipThisAndNestedEvents();
            }
        }

        Values[path] = new ConfigText(string.Join(", ", items.Select(i => i.Text)), LocationOf(list), items);
    }

    private void Refuse(ParsingEvent at, string message) => Mistakes.Add(new ConfigMistake(LocationOf(at), message));

    private string LocationOf(ParsingEvent at) => $"{_file}:{at.Start.Line}";
}
