using System.Globalization;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Reads a query string by name and type, and records the first mistake: the route's handler is called only if there is
/// none.
/// </summary>
public sealed class QueryReader
{
    private readonly List<(string Name, string Value)> _pairs = [];

    internal QueryReader(ReadOnlySpan<char> query)
    {
        foreach (var range in query.Split('&'))
        {
            var pair = query[range];
            if (pair.IsEmpty) continue;
            var equals = pair.IndexOf('=');
            var name = equals < 0 ? pair : pair[..equals];
            var value = equals < 0 ? [] : pair[(equals + 1)..];
            if (RequestPath.TryDecode(name, plusIsSpace: true, out var n)
                && RequestPath.TryDecode(value, plusIsSpace: true, out var v))
            {
                _pairs.Add((n, v));
            }
            else
            {
                Refuse(MatrixError.InvalidParam, "The query string is not percent-encoded UTF-8.");
            }
        }
    }

    /// <summary>The first mistake; null if there is none.</summary>
    public Answer? Problem { get; private set; }

    /// <summary>A parameter's first value; null if it is absent.</summary>
    public string? Text(string name)
    {
        foreach (var pair in _pairs)
        {
            if (pair.Name == name) return pair.Value;
        }

        return null;
    }

    /// <summary>
    /// An optional token; null if it is absent or empty: clients send the token that they do not have yet as "".
    /// </summary>
    public string? Token(string name) => Text(name) is { Length: > 0 } token ? token : null;

    /// <summary>The first name that occurs several times; null if none does.</summary>
    public string? Repeated
    {
        get
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            return _pairs.Select(static pair => pair.Name).FirstOrDefault(name => !seen.Add(name));
        }
    }

    /// <summary>All values of a parameter that may be repeated.</summary>
    public string[] Texts(string name) => [.. _pairs.Where(p => p.Name == name).Select(p => p.Value)];

    /// <summary>The first values of all parameters but these.</summary>
    public IReadOnlyDictionary<string, string> TextsExcept(params ReadOnlySpan<string> names)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in _pairs)
        {
            if (!names.Contains(name)) texts.TryAdd(name, value);
        }

        return texts;
    }

    /// <summary>A required parameter; empty (and a mistake) if it is absent.</summary>
    public string RequiredText(string name)
    {
        if (Text(name) is { } value) return value;
        Refuse(MatrixError.MissingParam, $"The query parameter `{name}` is missing.");
        return "";
    }

    /// <summary>`true` or `false`; the default if it is absent.</summary>
    public bool Flag(string name, bool otherwise = false)
    {
        switch (Text(name))
        {
            case null: return otherwise;
            case "true": return true;
            case "false": return false;
            default:
                Refuse(MatrixError.InvalidParam, $"The query parameter `{name}` must be true or false.");
                return otherwise;
        }
    }

    /// <summary>An integer of at least `least`; null if it is absent. The endpoint applies any upper bound.</summary>
    public long? Number(string name, long least = 0)
    {
        if (Text(name) is not { } text) return null;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= least)
        {
            return value;
        }

        Refuse(MatrixError.InvalidParam, $"The query parameter `{name}` must be an integer of at least {least}.");
        return null;
    }

    /// <summary>One of several words; null if it is absent.</summary>
    public string? OneOf(string name, params ReadOnlySpan<string> words)
    {
        if (Text(name) is not { } text) return null;
        if (words.Contains(text)) return text;
        Refuse(
            MatrixError.InvalidParam,
            $"The query parameter `{name}` must be one of {string.Join(", ", words.ToArray())}.");
        return null;
    }

    /// <summary>Refuses the request for the endpoint's own reason. The first mistake stays.</summary>
    public void Refuse(string code, string message) => Problem ??= Answer.Error(400, code, message);
}
