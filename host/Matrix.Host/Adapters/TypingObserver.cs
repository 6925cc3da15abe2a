using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Adapters;

/// <summary>
/// Passes typing users to the other servers of their room, and to application services. Users who type are active. Each
/// node does so for those of its own shards.
/// </summary>
internal sealed class TypingObserver(
    FederationOutbound federation, PresenceBoard presence, AppServiceOutbound services) : ITypingObserver
{
    public void TypingChanged(RoomNid room, string userId, bool isTyping)
    {
        if (isTyping) presence.Acted(userId);
        federation.TypingChanged(room, userId, isTyping);
        services.TypingChanged(room, userId, isTyping);
    }
}
