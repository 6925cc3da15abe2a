using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient;

/// <summary>Members of JSON objects: null, or an empty list, where a member is missing or of another type.</summary>
internal static class Members
{
    internal static JsonObject Of(params IEnumerable<(string Name, Json Value)> members) => JsonObject.OfSeq(members);

    internal static Json Text(string text) => Json.NewString(text);

    internal static Json Texts(IEnumerable<string> texts) => Json.NewArray([.. texts.Select(Json.NewString)]);

    internal static long? Number(this JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Int number ? number.Item : null;

    internal static bool IsTrue(this JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Bool { Item: true };

    internal static JsonObject? Child(this JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Object child ? child.Item : null;

    internal static IReadOnlyList<string> Texts(this JsonObject json, string name) =>
        [.. Items(json, name).OfType<Json.String>().Select(text => text.Item)];

    internal static IReadOnlyList<JsonObject> Children(this JsonObject json, string name) =>
        [.. Items(json, name).OfType<Json.Object>().Select(child => child.Item)];

    private static Json[] Items(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Array items ? items.Item : [];
}
