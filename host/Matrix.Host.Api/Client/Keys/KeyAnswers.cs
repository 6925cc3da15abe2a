using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Keys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>How failures with keys are answered, and JSON that is put together from keys.</summary>
internal static class KeyAnswers
{
    /// <summary>The standard error response for a failure.</summary>
    internal static Answer Of(KeyFailure failure) =>
        failure.Kind == KeyFailureKind.TooLarge
            ? Answer.TooLarge(failure.Message)
            : Answer.Error(StatusOf(failure.Kind), CodeOf(failure.Kind), failure.Message);

    /// <summary>The error code of a failure.</summary>
    internal static string CodeOf(KeyFailureKind kind) => kind switch
    {
        KeyFailureKind.InvalidParam => MatrixError.InvalidParam,
        KeyFailureKind.MissingParam => MatrixError.MissingParam,
        KeyFailureKind.InvalidSignature => MatrixError.InvalidSignature,
        KeyFailureKind.KeyIdInUse => MatrixError.Forbidden,
        KeyFailureKind.NotFound => MatrixError.NotFound,
        KeyFailureKind.TooLarge => MatrixError.TooLarge,
        _ => MatrixError.Unknown,
    };

    /// <summary>An object whose members are objects.</summary>
    internal static Json ObjectOf<T>(IEnumerable<KeyValuePair<string, T>> members, Func<T, Json> value) =>
        Json.NewObject(JsonObject.OfSeq(members.Select(member => (member.Key, value(member.Value)))));

    /// <summary>A 200 with these members.</summary>
    internal static Answer Object(params IEnumerable<(string Name, Json Value)> members) =>
        Answer.Bytes(CanonicalJson.bytes(Json.NewObject(JsonObject.OfSeq(members))));

    /// <summary>`failures` of an answer about users of several servers: those servers that could not be asked.</summary>
    internal static Json Unreachable(IEnumerable<string> servers) => Json.NewObject(JsonObject.OfSeq(
        servers.Distinct().Select(server => (server, Json.NewObject(JsonObject.OfSeq(
        [
            ("errcode", Json.NewString(MatrixError.Unknown)),
            ("error", Json.NewString("This server does not talk to other servers.")),
        ]))))));

    private static int StatusOf(KeyFailureKind kind) => kind switch
    {
        KeyFailureKind.KeyIdInUse => 403,
        KeyFailureKind.NotFound => 404,
        KeyFailureKind.Busy => 503,
        _ => 400,
    };
}
