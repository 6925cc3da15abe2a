using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>Reads and changes members of JSON objects.</summary>
internal static class LegacyJson
{
    /// <summary>A value; null if it is absent.</summary>
    internal static Json? Find(this JsonObject json, string name) =>
        json.IndexOf(name) is >= 0 and var at ? json.Value(at) : null;

    /// <summary>An inner object; null if it is absent or no object.</summary>
    internal static JsonObject? Inner(this JsonObject json, string name) =>
        json.Find(name) is Json.Object inner ? inner.Item : null;

    /// <summary>The items of an array; none if it is absent or no array.</summary>
    internal static Json[] Items(this JsonObject json, string name) =>
        json.Find(name) is Json.Array items ? items.Item : [];

    /// <summary>An integer; null if it is absent or no integer.</summary>
    internal static long? Number(this JsonObject json, string name) =>
        json.Find(name) is Json.Int number ? number.Item : null;

    /// <summary>The object with these members, in place of those that it has.</summary>
    internal static JsonObject With(this JsonObject json, params (string Name, Json Value)[] members) =>
        JsonObject.OfSeq(json.Members.Concat(members));

    /// <summary>The object without a member.</summary>
    internal static JsonObject Without(this JsonObject json, params string[] names) =>
        JsonObject.OfSeq(json.Members.Where(member => !names.Contains(member.Item1)));

    /// <summary>The object with a member, unless it has it.</summary>
    internal static JsonObject WithDefault(this JsonObject json, string name, Json? value) =>
        value is null || json.Has(name) ? json : json.With((name, value));

    /// <summary>An object.</summary>
    internal static JsonObject Of(params (string Name, Json Value)[] members) => JsonObject.OfSeq(members);

    /// <summary>A response.</summary>
    internal static Answer AnswerOf(JsonObject json) => Answer.Bytes(CanonicalJson.Bytes(Json.Of(json)));

    /// <summary>A response that is an array.</summary>
    internal static Answer AnswerOf(IEnumerable<Json> items) =>
        Answer.Bytes(CanonicalJson.Bytes(Json.Of([.. items])));
}
