using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Threads;

/// <summary>Requests of users in tests of threads.</summary>
internal static class ThreadUsers
{
    /// <summary>The subscription to a thread.</summary>
    public static string Subscription(string room, string root) =>
        "/_matrix/client/unstable/io.element.msc4306/rooms/"
            + $"{Uri.EscapeDataString(room)}/thread/{Uri.EscapeDataString(root)}/subscription";

    /// <summary>Sends a message in a thread.</summary>
    public static Task<string> RepliesAsync(
        this TestUser user, string room, string root, string text, Action<JsonObject>? with = null) =>
        user.SaysAsync(room, text, content =>
        {
            content["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root };
            with?.Invoke(content);
        });

    /// <summary>Subscribes to a thread; because of an event, if one is given.</summary>
    public static Task<Reply> SubscribesAsync(this TestUser user, string room, string root, string? cause = null) =>
        user.PutAsync(
            Subscription(room, root), cause is null ? new JsonObject() : new JsonObject { ["automatic"] = cause });

    public static Task<Reply> UnsubscribesAsync(this TestUser user, string room, string root) =>
        user.DeleteAsync(Subscription(room, root));

    /// <summary>Whether a client made the subscription; null if there is none.</summary>
    public static async Task<bool?> IsAutomaticAsync(this TestUser user, string room, string root)
    {
        var reply = await user.GetAsync(Subscription(room, root));
        if (reply.Status == 404) return null;
        return (bool)reply.Is(200).Json["automatic"]!;
    }
}
