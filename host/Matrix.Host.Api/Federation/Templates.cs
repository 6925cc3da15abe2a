using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;

namespace Matrix.Host.Api.Federation;

/// <summary>Responses with templates of membership events.</summary>
internal static class Templates
{
    /// <summary>The room's version and the template, or the failure.</summary>
    internal static Answer AnswerOf(RoomResult<(string Version, JsonObject Template)> made) => made.IsOk
        ? Answer.Bytes(JsonText.Write(JsonObject.OfSeq(
        [
            ("event", Json.Of(made.Value.Template)),
            ("room_version", Json.Of(made.Value.Version)),
        ])))
        : RoomAnswers.Of(made.Failure);
}
