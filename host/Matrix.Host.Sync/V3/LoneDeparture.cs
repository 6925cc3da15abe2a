using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Sync;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Where the user's member event is shown that is all they see of a room: in the timeline, and in the state where that
/// is asked for or the timeline may not have it. v1.19 client-server-api#filtering
/// </summary>
internal readonly record struct LoneDeparture(bool InTimeline, bool InState)
{
    public static LoneDeparture Of(SyncPass pass, string roomId, string sender, JsonObject content)
    {
        var (timeline, state) = (pass.Filter.Timeline, pass.Filter.State);
        var inTimeline = Admits(timeline)
            && timeline.Limit(pass.Options.DefaultTimelineLimit, pass.Options.MaxTimelineLimit) > 0;
        return new LoneDeparture(inTimeline, Admits(state) && (pass.Request.UsesStateAfter || !inTimeline));

        bool Admits(EventFilter filter) =>
            filter.AdmitsRoom(roomId) && filter.Admits(EventTypes.Member, sender, EventFilter.HasUrl(content));
    }
}
