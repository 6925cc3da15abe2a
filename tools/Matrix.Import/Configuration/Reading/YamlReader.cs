using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Matrix.Import.Configuration.Reading;

/// <summary>
/// Reads a file as PyYAML's safe loader does. Where a name is given twice the last one counts, with a warning.
/// </summary>
internal sealed class YamlReader
{
    private const int Deepest = 64;
    private const int MostValues = 500_000;

    /// <summary>The key by which a mapping takes over the members of others.</summary>
    private const string Merge = "<<";

    private readonly string _file;
    private readonly Parser _events;
    private readonly List<ConfigWarning> _warnings;
    private readonly Dictionary<string, YamlValue> _anchors = new(StringComparer.Ordinal);
    private int _values;

    private YamlReader(string file, TextReader text, List<ConfigWarning> warnings)
    {
        _file = file;
        _events = new Parser(text);
        _warnings = warnings;
    }

    /// <summary>Reads the one document of a file.</summary>
    /// <returns>The document; null with a problem. An empty file is nothing.</returns>
    internal static (YamlValue? Document, ConfigProblem? Problem) Read(
        string file, string text, List<ConfigWarning> warnings)
    {
        try
        {
            return (new YamlReader(file, new StringReader(text), warnings).Document(), null);
        }
        catch (YamlException broken)
        {
            // The parser's message may quote the file, which may have a secret at that place.
            var place = new YamlPlace(file, broken.Start.Line);
            var why = broken is Refusal ? broken.Message : "not YAML";
            return (null, new ConfigProblem(ConfigProblemKind.NotYaml, place.ToString(), "", why));
        }
        catch (EndOfStreamException)
        {
            // The parser throws this where the text ends inside a token.
            return (null, new ConfigProblem(ConfigProblemKind.NotYaml, file, "", "not YAML: it ends too early"));
        }
    }

    private YamlValue Document()
    {
        _events.Consume<StreamStart>();
        if (_events.TryConsume<StreamEnd>(out _)) return new YamlValue.Nothing(new YamlPlace(_file, 0));
        _events.Consume<DocumentStart>();
        var value = Value(0);
        _events.Consume<DocumentEnd>();
        return _events.TryConsume<StreamEnd>(out _) ? value : throw Refused(_events.Current, "expected one document");
    }

    private YamlValue Value(int depth)
    {
        if (depth > Deepest) throw Refused(_events.Current, $"more than {Deepest} levels");
        if (++_values > MostValues) throw Refused(_events.Current, $"more than {MostValues} values");
        if (_events.TryConsume<AnchorAlias>(out var alias))
        {
            return _anchors.TryGetValue(alias.Value.Value, out var known)
                ? known
                : throw Refused(alias, "an alias before its anchor");
        }

        if (_events.TryConsume<Scalar>(out var scalar))
        {
            return Anchored(scalar, YamlScalars.Read(scalar, PlaceOf(scalar)) ?? throw Refused(scalar, "a tag"));
        }

        if (_events.TryConsume<SequenceStart>(out var list))
        {
            var items = new List<YamlValue>();
            while (!_events.TryConsume<SequenceEnd>(out _)) items.Add(Value(depth + 1));
            return Anchored(list, new YamlValue.Items(PlaceOf(list), items));
        }

        if (_events.TryConsume<MappingStart>(out var map)) return Anchored(map, Members(map, depth));
        throw Refused(_events.Current, "expected a value");
    }

    private YamlValue.Map Members(MappingStart map, int depth)
    {
        var members = new OrderedDictionary<string, YamlValue>(StringComparer.Ordinal);
        var merged = new List<YamlValue.Map>();
        while (!_events.TryConsume<MappingEnd>(out _))
        {
            if (!_events.TryConsume<Scalar>(out var name)) throw Refused(_events.Current, "expected a name");
            var value = Value(depth + 1);
            if (name is { Value: Merge, Style: ScalarStyle.Plain })
            {
                merged.AddRange(Sources(name, value));
                continue;
            }

            if (members.Remove(name.Value, out var first))
            {
                _warnings.Add(new ConfigWarning(
                    PlaceOf(name).ToString(), $"`{name.Value}` replaces the one of line {first.Place.Line}"));
            }

            members.Add(name.Value, value);
        }

        foreach (var (name, value) in merged.SelectMany(static source => source.Members))
        {
            if (++_values > MostValues) throw Refused(map, $"more than {MostValues} values");
            members.TryAdd(name, value);
        }

        return new YamlValue.Map(PlaceOf(map), members);
    }

    private static IEnumerable<YamlValue.Map> Sources(Scalar name, YamlValue value) => value switch
    {
        YamlValue.Map map => [map],
        YamlValue.Items list when list.Values.All(static item => item is YamlValue.Map) =>
            list.Values.Cast<YamlValue.Map>(),
        _ => throw Refused(name, "expected a mapping to merge"),
    };

    private YamlValue Anchored(NodeEvent at, YamlValue value)
    {
        if (!at.Anchor.IsEmpty) _anchors[at.Anchor.Value] = value;
        return value;
    }

    private YamlPlace PlaceOf(ParsingEvent at) => new(_file, at.Start.Line);

    private static Refusal Refused(ParsingEvent? at, string message) =>
        new(at?.Start ?? Mark.Empty, at?.End ?? Mark.Empty, $"not read: {message}");

    private sealed class Refusal(in Mark start, in Mark end, string message) : YamlException(start, end, message);
}
