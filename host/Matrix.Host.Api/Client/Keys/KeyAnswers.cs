using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Builds JSON from keys.</summary>
internal static class KeyAnswers
{
    /// <summary>An object whose members are objects.</summary>
    internal static Json ObjectOf<T>(IEnumerable<KeyValuePair<string, T>> members, Func<T, Json> value) =>
        Json.NewObject(JsonObject.OfSeq(members.Select(member => (member.Key, value(member.Value)))));

    /// <summary>A 200 with these members.</summary>
    internal static Answer Object(params IEnumerable<(string Name, Json Value)> members) =>
        Answer.Bytes(CanonicalJson.bytes(Json.NewObject(JsonObject.OfSeq(members))));

    /// <summary>`failures`: the servers that could not be reached.</summary>
    internal static Json Unreachable(IEnumerable<string> servers) => Json.NewObject(JsonObject.OfSeq(
        servers.Distinct().Select(server => (server, Json.NewObject(JsonObject.OfSeq(
        [
            ("errcode", Json.NewString(MatrixError.Unknown)),
            ("error", Json.NewString("This server does not federate.")),
        ]))))));
}
