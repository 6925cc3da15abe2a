using Matrix.Core.Json;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Reads the members of a JSON object by name and type, and remembers the first thing that is wrong, with its path: the handler of
/// a route with such a reader is only called when nothing is. Members that nobody asks for are ignored, as the specification wants.
/// Texts and names with NUL, which no database keeps as text, are refused here, except where they are read as free text
/// or as content.
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

    /// <summary>The object that is read.</summary>
    public JsonObject Whole { get; }

    /// <summary>What is wrong; null while nothing is.</summary>
    public Answer? Problem => _root._problem;

    /// <summary>Whether the member is there, whatever its value.</summary>
    public bool Has(string name) => Whole.IndexOf(name) >= 0;

    /// <summary>A string; null if it is not given.</summary>
    public string? Text(string name) => FreeText(name) is { } text && IsStorable(PathOf(name), text) ? text : null;

    /// <summary>
    /// A string that may hold NUL, for it is never stored as text: a password, or what goes into an event's content.
    /// Null if it is not given.
    /// </summary>
    public string? FreeText(string name) => Read(name, "a string", static v => v is Json.String s ? s.Item : null);

    /// <summary>The same, which must be given; empty (and a problem) if it is not.</summary>
    public string RequiredFreeText(string name) => Required(name, FreeText(name)) ?? "";

    /// <summary>A string; null if it is not given, or null is: where senders write out what they leave open.</summary>
    public string? TextOrNull(string name) => HasNull(name) ? null : Text(name);

    /// <summary>Whether the member is there and its value is null.</summary>
    public bool HasNull(string name) => Whole.IndexOf(name) is >= 0 and var at && Whole.Value(at).IsNull;

    /// <summary>A string that must be given; empty (and a problem) if it is not.</summary>
    public string RequiredText(string name) => Required(name, Text(name)) ?? "";

    /// <summary>A boolean; the default if it is not given.</summary>
    public bool Flag(string name, bool otherwise = false) => OptionalFlag(name) ?? otherwise;

    /// <summary>A boolean; null if it is not given.</summary>
    public bool? OptionalFlag(string name) => ReadValue<bool>(name, "a boolean", static v => v is Json.Bool b ? b.Item : null);

    /// <summary>A boolean that must be given.</summary>
    public bool RequiredFlag(string name) => RequiredValue(name, OptionalFlag(name));

    /// <summary>An integer; null if it is not given.</summary>
    public long? Number(string name) => ReadValue<long>(name, "an integer", static v => v is Json.Int i ? i.Item : null);

    /// <summary>An integer that must be given.</summary>
    public long RequiredNumber(string name) => RequiredValue(name, Number(name));

    /// <summary>An object as it is; null if it is not given.</summary>
    public JsonObject? Content(string name) => Read(name, "an object", static v => v is Json.Object o ? o.Item : null);

    /// <summary>An object, as it is, that must be given.</summary>
    public JsonObject RequiredContent(string name) => Required(name, Content(name)) ?? JsonObject.Empty;

    /// <summary>A reader of an inner object; null if it is not given. Problems found there are this reader's.</summary>
    public BodyReader? Inner(string name) =>
        Content(name) is { } inner ? new BodyReader(inner, _root, PathOf(name)) : null;

    /// <summary>A reader of an inner object that must be given.</summary>
    public BodyReader RequiredInner(string name) => new(RequiredContent(name), _root, PathOf(name));

    /// <summary>An array as it is; null if it is not given.</summary>
    public Json[]? Items(string name) => Read(name, "an array", static v => v is Json.Array a ? a.Item : null);

    /// <summary>An array, as it is, that must be given.</summary>
    public Json[] RequiredItems(string name) => Required(name, Items(name)) ?? [];

    /// <summary>An array of strings; null if it is not given.</summary>
    public string[]? Texts(string name)
    {
        var texts = Read(name, "an array of strings", static v =>
            v is Json.Array a && Array.TrueForAll(a.Item, i => i.IsString) ? Array.ConvertAll(a.Item, i => ((Json.String)i).Item) : null);
        return texts is not null && Array.TrueForAll(texts, text => IsStorable(PathOf(name), text)) ? texts : null;
    }

    /// <summary>An array of strings that must be given.</summary>
    public string[] RequiredTexts(string name) => Required(name, Texts(name)) ?? [];

    /// <summary>Readers of the objects of an array; null if it is not given.</summary>
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

    /// <summary>The names of the object's members, up to the first that holds NUL, which is a problem.</summary>
    public IEnumerable<string> Names()
    {
        for (var i = 0; i < Whole.Count; i++)
        {
            if (!IsStorable(PathOf(Whole.Key(i)), Whole.Key(i))) yield break;
            yield return Whole.Key(i);
        }
    }

    /// <summary>The names of the object's members, with a reader of each, all of which must be objects.</summary>
    public IEnumerable<(string Name, BodyReader Value)> Members()
    {
        for (var i = 0; i < Whole.Count; i++)
        {
            if (!IsStorable(PathOf(Whole.Key(i)), Whole.Key(i))) yield break;
            if (Whole.Value(i) is Json.Object inner) yield return (Whole.Key(i), new BodyReader(inner.Item, _root, PathOf(Whole.Key(i))));
            else Refuse(MatrixError.BadJson, $"`{PathOf(Whole.Key(i))}` must be an object.");
        }
    }

    /// <summary>Refuses the request for a reason of the endpoint's own, with status 400. The first reason stays.</summary>
    public void Refuse(string code, string message) => _root._problem ??= Answer.Error(400, code, message);

    /// <summary>Where a member stands, such as `identifier.user`, for messages.</summary>
    public string PathOf(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    private bool IsStorable(string path, string text)
    {
        if (!text.Contains('\0', StringComparison.Ordinal)) return true;
        Refuse(MatrixError.InvalidParam, $"`{path}` must not hold NUL.");
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
