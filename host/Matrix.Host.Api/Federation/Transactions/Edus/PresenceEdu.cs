using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Presence;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>`m.presence`. v1.19 server-server-api#presence</summary>
internal sealed class PresenceEdu(ReceivedPresence presence) : IEduHandler
{
    // v1.19 server-server-api#definition-mpresence
    public string Type => EventTypes.Presence;

    public async ValueTask<int> ReceiveAsync(
        string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop)
    {
        var updates = new List<PresenceUpdate>();
        var ignored = 0;
        foreach (var content in contents)
        {
            var before = updates.Count;
            foreach (var item in ItemsOf(content).Take(presence.MaxUsers - updates.Count))
            {
                if (item is Json.Object { Item: var each }
                    && PresenceUpdate.TryRead(
                        each, ReceivedPresence.LongestAgo, presence.StatusBytes, out var update))
                {
                    updates.Add(update!);
                }
            }

            if (updates.Count == before) ignored++;
        }

        // The last one of each user counts.
        var latest = updates.GroupBy(static each => each.UserId).Select(static ofUser => ofUser.Last()).ToArray();
        var foreign = await presence.ReceiveAsync(origin, latest, stop);
        return foreign == latest.Length ? contents.Count : ignored;
    }

    private static Json[] ItemsOf(JsonObject content) =>
        content.IndexOf("push") is >= 0 and var at && content.Value(at) is Json.Array items ? items.Item : [];
}
