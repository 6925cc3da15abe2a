using Matrix.Core.Facade;
using Matrix.Host.Users.AppServices;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Matrix.Host.AppServices;

/// <summary>Reads a registration file. v1.19 application-service-api#registration</summary>
internal sealed class RegistrationFile
{
    private readonly string _file;
    private readonly string _serverName;
    private readonly int _mostNamespaces;
    private readonly List<string> _mistakes = [];

    private RegistrationFile(string file, string serverName, int mostNamespaces)
    {
        _file = file;
        _serverName = serverName;
        _mostNamespaces = mostNamespaces;
    }

    /// <summary>Reads a service from the text of its file. The mistakes name file, line and key.</summary>
    /// <param name="token">The `as_token`, to compare with those of other services.</param>
    internal static AppService? Read(
        string file, string text, string serverName, int mostNamespaces, out string token, List<string> mistakes)
    {
        var read = new RegistrationFile(file, serverName, mostNamespaces);
        token = "";
        AppService? service = null;
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents is [{ RootNode: YamlMappingNode root }]) service = read.Service(root, out token);
            else read._mistakes.Add($"{file}: expected one document of `name: value` lines");
        }
        catch (YamlException broken)
        {
            read._mistakes.Add($"{file}:{broken.Start.Line}: not YAML: {broken.Message}");
        }
        catch (EndOfStreamException)
        {
            // The parser throws this where the text ends inside a token.
            read._mistakes.Add($"{file}: not YAML: it ends too early");
        }

        mistakes.AddRange(read._mistakes);
        return read._mistakes.Count == 0 ? service : null;
    }

    private AppService? Service(YamlMappingNode root, out string token)
    {
        token = Text(root, "as_token");
        var id = Text(root, "id");
        var homeserverToken = Text(root, "hs_token");
        var sender = Text(root, "sender_localpart");
        if (sender.Length > 0 && !Identifiers.TryNewUserId(_serverName, sender, out _, out _))
        {
            Refuse(root, "sender_localpart", "expected the local part of a user id");
        }

        var url = Url(root);
        var namespaces = Find(root, "namespaces") is YamlMappingNode spaces
            ? new Namespaces(Spaces(spaces, "users"), Spaces(spaces, "aliases"), Spaces(spaces, "rooms"))
            : Missing(root, "namespaces", Namespaces.None);
        var service = new
        {
            Limited = Flag(root, "rate_limited", otherwise: true),
            Ephemeral = Flag(root, "receive_ephemeral", Flag(root, "de.sorunome.msc2409.push_ephemeral")),
            Encryption = Flag(root, "org.matrix.msc3202"),
            Protocols = Texts(root, "protocols"),
        };
        _ = Flag(root, "io.element.msc4190");
        if (_mistakes.Count > 0) return null;
        return new AppService(_serverName, token, sender)
        {
            Id = id,
            Url = url,
            HomeserverToken = homeserverToken,
            Namespaces = namespaces,
            IsRateLimited = service.Limited,
            ReceivesEphemeral = service.Ephemeral,
            ReceivesEncryption = service.Encryption,
            Protocols = service.Protocols,
        };
    }

    private Uri? Url(YamlMappingNode root)
    {
        if (!Has(root, "url")) return Missing<Uri?>(root, "url", null);
        if (IsNull(Find(root, "url")) || Find(root, "url") is YamlScalarNode { Value: "" }) return null;
        var text = Text(root, "url");
        if (Uri.TryCreate(text, UriKind.Absolute, out var url)
            && url.Scheme is "http" or "https"
            && url.Query.Length == 0
            && url.Fragment.Length == 0
            && url.UserInfo.Length == 0)
        {
            return url;
        }

        Refuse(root, "url", "expected null, or an address that starts with http:// or https://, without a query");
        return null;
    }

    private List<Namespace> Spaces(YamlMappingNode spaces, string name)
    {
        var list = new List<Namespace>();
        var node = Find(spaces, name);
        if (node is null || IsNull(node)) return list;
        if (node is not YamlSequenceNode items || items.Children.Count > _mostNamespaces)
        {
            Refuse(spaces, name, $"expected a list of at most {_mostNamespaces} namespaces");
            return list;
        }

        foreach (var item in items.Children)
        {
            if (item is not YamlMappingNode each)
            {
                _mistakes.Add($"{At(item)}: `namespaces.{name}`: expected `exclusive` and `regex`");
                continue;
            }

            var isExclusive = Flag(each, "exclusive", isRequired: true);
            var regex = Text(each, "regex");
            if (regex.Length == 0) continue;
            try
            {
                list.Add(new Namespace(regex, isExclusive));
            }
            catch (Exception wrong) when (wrong is ArgumentException or NotSupportedException)
            {
                Refuse(each, "regex", wrong.Message);
            }
        }

        return list;
    }

    private string Text(YamlMappingNode map, string name)
    {
        if (Find(map, name) is YamlScalarNode { Value.Length: > 0 } text && !IsNull(text)) return text.Value!;
        Refuse(map, name, "expected a text that is not empty");
        return "";
    }

    private bool Flag(YamlMappingNode map, string name, bool otherwise = false, bool isRequired = false)
    {
        var node = Find(map, name);
        if (!isRequired && (node is null || IsNull(node))) return otherwise;
        if (node is YamlScalarNode { Value: "true" or "True" or "TRUE" }) return true;
        if (node is not YamlScalarNode { Value: "false" or "False" or "FALSE" })
        {
            Refuse(map, name, "expected true or false");
        }

        return false;
    }

    private List<string> Texts(YamlMappingNode map, string name)
    {
        var node = Find(map, name);
        if (node is null || IsNull(node)) return [];
        if (node is YamlSequenceNode list
            && list.Children.Count <= _mostNamespaces
            && list.Children.All(item => item is YamlScalarNode { Value.Length: > 0 }))
        {
            return [.. list.Children.Select(item => ((YamlScalarNode)item).Value!)];
        }

        Refuse(map, name, $"expected a list of at most {_mostNamespaces} texts");
        return [];
    }

    private T Missing<T>(YamlMappingNode map, string name, T otherwise)
    {
        Refuse(map, name, "it is missing, or of another type");
        return otherwise;
    }

    // The value is not shown: it may be a token.
    private void Refuse(YamlMappingNode map, string name, string message) =>
        _mistakes.Add($"{At(Find(map, name) ?? map)}: `{name}`: {message}");

    private string At(YamlNode node) => $"{_file}:{node.Start.Line}";

    private static bool Has(YamlMappingNode map, string name) => Find(map, name) is not null;

    private static YamlNode? Find(YamlMappingNode map, string name) =>
        map.Children.TryGetValue(new YamlScalarNode(name), out var node) ? node : null;

    private static bool IsNull(YamlNode? node) =>
        node is YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "~" or "null" or "Null" or "NULL" };
}
