using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Streams.Streams.Typing;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>`m.typing`. v1.19 server-server-api#typing-notifications</summary>
internal sealed class TypingEdu(ReceivedTyping typing) : IEduHandler
{
    // v1.19 server-server-api#definition-mtyping
    public string Type => EventTypes.Typing;

    public async ValueTask<int> ReceiveAsync(
        string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop)
    {
        var ignored = 0;

        // Only the last one of each user in a room shows.
        var last = contents.Select(static (content, at) => (content, at))
            .GroupBy(static each => (each.content.Text("room_id"), each.content.Text("user_id")))
            .Select(static each => each.Last()).OrderBy(static each => each.at);
        foreach (var (content, _) in last)
        {
            if (content.Text("room_id") is not { } roomId
                || content.Text("user_id") is not { } userId
                || content.IndexOf("typing") is not (>= 0 and var at)
                || content.Value(at) is not Json.Bool { Item: var isTyping }
                || !await typing.ReceiveAsync(origin, roomId, userId, isTyping, stop))
            {
                ignored++;
            }
        }

        return ignored;
    }
}
