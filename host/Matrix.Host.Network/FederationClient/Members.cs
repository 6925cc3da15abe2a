using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient;

/// <summary>Members of JSON objects: null, or an empty list, where a member is missing or of another type.</summary>
public static class Members
{
    /// <summary>An object with these members.</summary>
    public static JsonObject Of(params IEnumerable<(string Name, Json Value)> members) => JsonObject.OfSeq(members);

    /// <summary>A string.</summary>
    public static Json Text(string text) => Json.Of(text);

    /// <summary>An array of strings.</summary>
    public static Json Texts(IEnumerable<string> texts) => Json.Of([.. texts.Select(Json.Of)]);

    /// <summary>An integer.</summary>
    public static long? Number(this JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Int number ? number.Item : null;

    /// <summary>Whether a member is true.</summary>
    public static bool IsTrue(this JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Bool { Item: true };

    /// <summary>An object.</summary>
    public static JsonObject? Child(this JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Object child ? child.Item : null;

    /// <summary>The strings of an array.</summary>
    public static IReadOnlyList<string> Texts(this JsonObject json, string name) =>
        [.. Items(json, name).OfType<Json.String>().Select(text => text.Item)];

    /// <summary>The objects of an array.</summary>
    public static IReadOnlyList<JsonObject> Children(this JsonObject json, string name) =>
        [.. Items(json, name).OfType<Json.Object>().Select(child => child.Item)];

    private static Json[] Items(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Array items ? items.Item : [];
}
