using Matrix.Core.Json;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Reads members of a JSON object by name and type, and records the first mistake with its path: the route's handler is
/// called only if there is none. Unknown members are ignored, as the specification requires. Strings and names with
/// NUL, which databases cannot store as text, are refused, except in free text and content.
/// </summary>
public sealed class BodyReader
{
    private readonly BodyReader _root;
    private readonly string _path;
    private Answer? _problem;

    internal BodyReader(JsonObject body)
    {
        Whole = body;
        _root = this;
        _path = "";
    }

    private BodyReader(JsonObject body, BodyReader root, string path)
    {
        Whole = body;
        _root = root;
        _path = path;
    }

    /// <summary>The whole object.</summary>
    public JsonObject Whole { get; }

    /// <summary>The first mistake; null if there is none.</summary>
    public Answer? Problem => _root._problem;

    /// <summary>Whether the member is present, whatever its value.</summary>
    public bool Has(string name) => Whole.IndexOf(name) >= 0;

    /// <summary>A string; null if it is absent.</summary>
    public string? Text(string name) => FreeText(name) is { } text && IsStorable(PathOf(name), text) ? text : null;

    /// <summary>
    /// A string that may contain NUL because it is never stored as text: a password, or content of an event. Null if it
    /// is absent.
    /// </summary>
    public string? FreeText(string name) => Read(name, "a string", static v => v is Json.String s ? s.Item : null);

    /// <summary>The same, required; empty (and a mistake) if it is absent.</summary>
    public string RequiredFreeText(string name) => Required(name, FreeText(name)) ?? "";

    /// <summary>A string; null if it is absent or null, for senders that write absent values as null.</summary>
    public string? TextOrNull(string name) => HasNull(name) ? null : Text(name);

    /// <summary>An optional token; null if it is absent or empty.</summary>
    public string? Token(string name) => Text(name) is { Length: > 0 } token ? token : null;

    /// <summary>Whether the member is present and null.</summary>
    public bool HasNull(string name) => Whole.IndexOf(name) is >= 0 and var at && Whole.Value(at).IsNull;

    /// <summary>A required string; empty (and a mistake) if it is absent.</summary>
    public string RequiredText(string name) => Required(name, Text(name)) ?? "";

    /// <summary>A boolean; the default if it is absent.</summary>
    public bool Flag(string name, bool otherwise = false) => OptionalFlag(name) ?? otherwise;

    /// <summary>A boolean; null if it is absent.</summary>
    public bool? OptionalFlag(string name) =>
        ReadValue<bool>(name, "a boolean", static v => v is Json.Bool b ? b.Item : null);

    /// <summary>A required boolean.</summary>
    public bool RequiredFlag(string name) => RequiredValue(name, OptionalFlag(name));

    /// <summary>An integer; null if it is absent.</summary>
    public long? Number(string name) =>
        ReadValue<long>(name, "an integer", static v => v is Json.Int i ? i.Item : null);

    /// <summary>A required integer.</summary>
    public long RequiredNumber(string name) => RequiredValue(name, Number(name));

    /// <summary>An object as it is; null if it is absent.</summary>
    public JsonObject? Content(string name) => Read(name, "an object", static v => v is Json.Object o ? o.Item : null);

    /// <summary>A required object as it is.</summary>
    public JsonObject RequiredContent(string name) => Required(name, Content(name)) ?? JsonObject.Empty;

    /// <summary>A reader of an inner object; null if it is absent. Its mistakes are recorded in this reader.</summary>
    public BodyReader? Inner(string name) =>
        Content(name) is { } inner ? new BodyReader(inner, _root, PathOf(name)) : null;

    /// <summary>A reader of a required inner object.</summary>
    public BodyReader RequiredInner(string name) => new(RequiredContent(name), _root, PathOf(name));

    /// <summary>An array as it is; null if it is absent.</summary>
    public Json[]? Items(string name) => Read(name, "an array", static v => v is Json.Array a ? a.Item : null);

    /// <summary>A required array as it is.</summary>
    public Json[] RequiredItems(string name) => Required(name, Items(name)) ?? [];

    /// <summary>An array as it is. Some servers write an empty one as null.</summary>
    public Json[] ItemsOrNull(string name) => IsNull(name) ? [] : Items(name) ?? [];

    /// <summary>The same; the member must be present.</summary>
    public Json[] RequiredItemsOrNull(string name) => IsNull(name) ? [] : RequiredItems(name);

    private bool IsNull(string name) => Whole.IndexOf(name) is >= 0 and var at && Whole.Value(at).IsNull;

    /// <summary>An array of strings; null if it is absent.</summary>
    public string[]? Texts(string name)
    {
        var texts = Read(name, "an array of strings", static v =>
            v is Json.Array a && Array.TrueForAll(a.Item, i => i.IsString)
                ? Array.ConvertAll(a.Item, i => ((Json.String)i).Item)
                : null);
        return texts is not null && Array.TrueForAll(texts, text => IsStorable(PathOf(name), text)) ? texts : null;
    }

    /// <summary>A required array of strings.</summary>
    public string[] RequiredTexts(string name) => Required(name, Texts(name)) ?? [];

    /// <summary>Readers of the objects in an array; null if it is absent.</summary>
    public BodyReader[]? InnerItems(string name)
    {
        if (Items(name) is not { } items) return null;
        var readers = new BodyReader[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            var path = $"{PathOf(name)}[{i}]";
            if (items[i] is not Json.Object inner) Refuse(MatrixError.BadJson, $"`{path}` must be an object.");
            readers[i] = new BodyReader(items[i] is Json.Object o ? o.Item : JsonObject.Empty, _root, path);
        }

        return readers;
    }

    /// <summary>The names of the members, up to the first name with NUL, which is a mistake.</summary>
    public IEnumerable<string> Names()
    {
        for (var i = 0; i < Whole.Count; i++)
        {
            if (!IsStorable(PathOf(Whole.Key(i)), Whole.Key(i))) yield break;
            yield return Whole.Key(i);
        }
    }

    /// <summary>The names of the members, with a reader of each; all must be objects.</summary>
    public IEnumerable<(string Name, BodyReader Value)> Members()
    {
        for (var i = 0; i < Whole.Count; i++)
        {
            if (!IsStorable(PathOf(Whole.Key(i)), Whole.Key(i))) yield break;
            if (Whole.Value(i) is Json.Object inner)
            {
                yield return (Whole.Key(i), new BodyReader(inner.Item, _root, PathOf(Whole.Key(i))));
            }
            else
            {
                Refuse(MatrixError.BadJson, $"`{PathOf(Whole.Key(i))}` must be an object.");
            }
        }
    }

    /// <summary>Refuses the request for the endpoint's own reason, with status 400. The first mistake stays.</summary>
    public void Refuse(string code, string message) => _root._problem ??= Answer.Error(400, code, message);

    /// <summary>The path of a member, such as `identifier.user`, for messages.</summary>
    public string PathOf(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    private bool IsStorable(string path, string text)
    {
        if (!text.Contains('\0', StringComparison.Ordinal)) return true;
        Refuse(MatrixError.InvalidParam, $"`{path}` must not contain NUL.");
        return false;
    }

    private T? Read<T>(string name, string expected, Func<Json, T?> convert) where T : class
    {
        var at = Whole.IndexOf(name);
        if (at < 0) return null;
        var value = convert(Whole.Value(at));
        if (value is null) Refuse(MatrixError.BadJson, $"`{PathOf(name)}` must be {expected}.");
        return value;
    }

    private T? ReadValue<T>(string name, string expected, Func<Json, T?> convert) where T : struct
    {
        var at = Whole.IndexOf(name);
        if (at < 0) return null;
        var value = convert(Whole.Value(at));
        if (value is null) Refuse(MatrixError.BadJson, $"`{PathOf(name)}` must be {expected}.");
        return value;
    }

    private T? Required<T>(string name, T? value) where T : class
    {
        if (value is null) Refuse(MatrixError.BadJson, $"`{PathOf(name)}` is missing.");
        return value;
    }

    private T RequiredValue<T>(string name, T? value) where T : struct
    {
        if (value is null) Refuse(MatrixError.BadJson, $"`{PathOf(name)}` is missing.");
        return value.GetValueOrDefault();
    }
}
