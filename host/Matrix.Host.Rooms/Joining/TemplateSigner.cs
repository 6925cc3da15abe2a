using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Sending;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// Makes and signs membership events of local users on templates of resident servers. Of a template, only the previous
/// events, auth events and depth are used, so that no server gets a signature of another event.
/// v1.19 server-server-api#joining-rooms
/// </summary>
internal sealed class TemplateSigner(ServerSigner signer, TimeProvider time)
{
    /// <summary>The signed event.</summary>
    internal RoomResult<Pdu> Sign(
        RoomRules rules, string roomId, string userId, JsonObject content, JsonObject template)
    {
        var outcome = rules.ComposeMembership(
            roomId,
            userId,
            content,
            template,
            OpaqueIds.New(),
            signer.ServerName,
            time.GetUtcNow().ToUnixTimeMilliseconds());
        if (outcome.Refusal is { } malformed) return RoomFailure.Of(malformed);

        using var unsigned = outcome.Value;
        var signature = signer.Sign(unsigned.BytesToSign.Span);
        var signed = rules.Sign(unsigned, signature.Entity, signature.KeyId, signature.Bytes);
        return signed.Refusal is { } tooLarge ? RoomFailure.Of(tooLarge) : signed.Value;
    }
}
