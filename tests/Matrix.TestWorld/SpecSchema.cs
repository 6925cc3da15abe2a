using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Matrix.Processes;
using YamlDotNet.RepresentationModel;

namespace Matrix.TestWorld;

/// <summary>
/// Checks responses against the specification's data, where that is on this machine (`MATRIX_SPEC_DIR`, or beside the
/// repository). It knows the parts of JSON Schema that the responses of servers use.
/// </summary>
public static class SpecSchema
{
    private static readonly string _folder = Path.GetFullPath(
        Environment.GetEnvironmentVariable("MATRIX_SPEC_DIR") ?? "../shared/spec", Repository.Root);

    private static readonly Dictionary<string, YamlMappingNode> _documents = [];

    /// <summary>The part of the data that describes the API of servers.</summary>
    public static string ServerApi => Path.Combine(_folder, "data/api/server-server");

    /// <summary>All operations of the API of servers: file, path, method.</summary>
    public static IReadOnlyList<(string File, string Path, string Method)> Operations()
    {
        Assert.That(ServerApi, Does.Exist, "The specification's data must be at MATRIX_SPEC_DIR.");
        return
        [
            .. from document in Directory.GetFiles(ServerApi, "*.yaml").Order()
               from path in (YamlMappingNode)At(Load(document), "paths")!
               from method in (YamlMappingNode)path.Value
               select (Path.GetFileName(document), path.Key.ToString(), method.Key.ToString()),
        ];
    }

    /// <summary>Fails unless a value has the schema of a file in the data of servers' API.</summary>
    public static void Matches(JsonNode value, string file)
    {
        var document = Path.Combine(ServerApi, file);
        Assert.That(document, Does.Exist, "The specification's data must be at MATRIX_SPEC_DIR.");
        Assert.That(Problems(Load(document), document, value, ""), Is.Empty, value.ToJsonString());
    }

    /// <summary>Fails unless a response of this operation has its schema. A refusal must be a standard error.</summary>
    /// <param name="file">A file of the data, such as `query.yaml`.</param>
    /// <param name="path">The operation's path in it, such as `/query/profile`.</param>
    public static Reply Matches(this Reply reply, string file, string path, string method = "get")
    {
        Assert.That(reply.ContentHeaders.ContentType!.ToString(), Is.EqualTo("application/json"));
        var document = Path.Combine(ServerApi, file);
        Assert.That(document, Does.Exist, "The specification's data must be at MATRIX_SPEC_DIR.");

        var operation = At(Load(document), "paths", path, method)
            ?? throw new AssertionException($"{file} has no {path}");
        var status = reply.Status.ToString(CultureInfo.InvariantCulture);
        var schema = At(operation, "responses", status, "content", "application/json", "schema");
        var error = Path.Combine(ServerApi, "../client-server/definitions/errors/error.yaml");
        var problems = schema is null && reply.Status >= 400
            ? Problems(Load(error), error, reply.Json, "")
            : Problems(
                schema ?? throw new AssertionException($"{path} has no {status}"),
                document,
                JsonNode.Parse(reply.Text),
                "");
        Assert.That(problems, Is.Empty, reply.Text);
        return reply;
    }

    /// <summary>Fails unless an EDU has the schema of its type.</summary>
    public static JsonObject MatchesItsSchema(this JsonObject edu)
    {
        var document = Path.Combine(ServerApi, $"definitions/event-schemas/{edu["edu_type"]}.yaml");
        Assert.That(document, Does.Exist, "The specification's data must be at MATRIX_SPEC_DIR.");
        Assert.That(Problems(Load(document), document, edu, ""), Is.Empty, edu.ToJsonString());
        return edu;
    }

    private static IEnumerable<string> Problems(YamlNode schemaNode, string document, JsonNode? value, string where)
    {
        var schema = (YamlMappingNode)schemaNode;
        if (Text(schema, "$ref") is { } reference)
        {
            var file = Path.GetFullPath(reference, Path.GetDirectoryName(document)!);
            return Problems(Load(file), file, value, where);
        }

        IEnumerable<string> found = [];
        if (At(schema, "type") is { } type && !IsOf(type, value)) return [$"{where}: expected {type}, found {value}"];
        if (At(schema, "allOf") is YamlSequenceNode all)
        {
            found = found.Concat(all.SelectMany(part => Problems(part, document, value, where)));
        }

        if (At(schema, "oneOf") is YamlSequenceNode one
            && one.Count(part => !Problems(part, document, value, where).Any()) != 1)
        {
            found = found.Append($"{where}: not exactly one of the alternatives");
        }

        if (At(schema, "anyOf") is YamlSequenceNode any
            && any.All(part => Problems(part, document, value, where).Any()))
        {
            found = found.Append($"{where}: none of the alternatives");
        }

        if (value is JsonObject json) found = found.Concat(Members(schema, document, json, where));
        if (value is JsonArray array && At(schema, "items") is { } items)
        {
            found = found.Concat(array.SelectMany((item, i) => Problems(items, document, item, $"{where}[{i}]")));
        }

        return found.ToList();
    }

    private static IEnumerable<string> Members(YamlMappingNode schema, string document, JsonObject json, string where)
    {
        if (At(schema, "required") is YamlSequenceNode required)
        {
            foreach (var name in required.Select(node => node.ToString()).Where(name => !json.ContainsKey(name)))
            {
                yield return $"{where}: `{name}` is missing";
            }
        }

        foreach (var (name, value) in json)
        {
            var inner = SchemasOf(schema, name).SelectMany(each => Problems(each, document, value, $"{where}.{name}"));
            foreach (var problem in inner) yield return problem;
        }
    }

    private static List<YamlNode> SchemasOf(YamlMappingNode schema, string name)
    {
        List<YamlNode> found = [];
        if (At(schema, "properties", name) is { } property) found.Add(property);
        if (At(schema, "patternProperties") is YamlMappingNode patterns)
        {
            found.AddRange(patterns.Where(p => Regex.IsMatch(name, p.Key.ToString())).Select(p => p.Value));
        }

        if (found.Count == 0 && At(schema, "additionalProperties") is YamlMappingNode others) found.Add(others);
        return found;
    }

    private static bool IsOf(YamlNode type, JsonNode? value) => type is YamlSequenceNode several
        ? several.Any(each => IsOf(each, value))
        : type.ToString() switch
        {
            "object" => value is JsonObject,
            "array" => value is JsonArray,
            "string" => value is JsonValue text && text.TryGetValue<string>(out _),
            "integer" => value is JsonValue number && number.TryGetValue<long>(out _),
            "boolean" => value is JsonValue flag && flag.TryGetValue<bool>(out _),
            "null" => value is null,
            var other => throw new NotSupportedException($"The type {other} is not checked yet."),
        };

    private static YamlMappingNode Load(string file)
    {
        var path = Path.GetFullPath(file);
        lock (_documents)
        {
            if (_documents.TryGetValue(path, out var known)) return known;
            var yaml = new YamlStream();
            using var reader = new StreamReader(path);
            yaml.Load(reader);
            return _documents[path] = (YamlMappingNode)yaml.Documents[0].RootNode;
        }
    }

    private static YamlNode? At(YamlNode node, params string[] path)
    {
        var at = (YamlNode?)node;
        foreach (var step in path)
        {
            at = at is YamlMappingNode mapping && mapping.Children.TryGetValue(new YamlScalarNode(step), out var inner)
                ? inner
                : null;
        }

        return at;
    }

    private static string? Text(YamlMappingNode node, string name) => (At(node, name) as YamlScalarNode)?.Value;
}
