using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Builds JSON from keys.</summary>
internal static class KeyAnswers
{
    /// <summary>An object whose members are objects.</summary>
    internal static Json ObjectOf<T>(IEnumerable<KeyValuePair<string, T>> members, Func<T, Json> value) =>
        Json.Of(JsonObject.OfSeq(members.Select(member => (member.Key, value(member.Value)))));

    /// <summary>A 200 with these members.</summary>
    internal static Answer Object(params IEnumerable<(string Name, Json Value)> members) =>
        Answer.Bytes(CanonicalJson.Bytes(Json.Of(JsonObject.OfSeq(members))));

    /// <summary>Writes the member `one_time_keys` of a response to a claim.</summary>
    internal static void WriteClaimed(ByteBuffer to, IEnumerable<ClaimedKey> claimed)
    {
        to.Raw("\"one_time_keys\":"u8);
        WriteMap(to, claimed.GroupBy(key => key.UserId), static (to, ofUser) =>
            WriteMap(to, ofUser.GroupBy(key => key.DeviceId), static (to, ofDevice) =>
                WriteMap(to, ofDevice.GroupBy(key => key.KeyId), static (to, key) => to.Raw(key.First().Json.Span))));
    }

    private static void WriteMap(
        ByteBuffer to,
        IEnumerable<IGrouping<string, ClaimedKey>> members,
        Action<ByteBuffer, IGrouping<string, ClaimedKey>> write)
    {
        to.Byte((byte)'{');
        var first = true;
        foreach (var member in members)
        {
            if (!first) to.Byte((byte)',');
            first = false;
            CanonicalJson.WriteString(to, member.Key);
            to.Byte((byte)':');
            write(to, member);
        }

        to.Byte((byte)'}');
    }

    /// <summary>`failures`: the servers that gave no keys.</summary>
    internal static Json Failures(IReadOnlyDictionary<string, FederationFailure> servers) =>
        ObjectOf(servers, static failure => Json.Of(JsonObject.OfSeq(
        [
            ("errcode", Json.Of(MatrixError.Unknown)),
            ("error", Json.Of(Why(failure))),
        ])));

    private static string Why(FederationFailure failure) => failure.Kind switch
    {
        FederationFailureKind.ServerDenied => "This server does not talk to that server.",
        FederationFailureKind.TimedOut => "The server did not respond in time.",
        FederationFailureKind.Refused =>
            $"The server returned an error: {failure.Status} {failure.ErrorCode}".TrimEnd(),
        FederationFailureKind.NotJson or FederationFailureKind.Malformed or FederationFailureKind.TooLarge =>
            "The server returned an invalid response.",
        _ => "The server could not be reached.",
    };
}
