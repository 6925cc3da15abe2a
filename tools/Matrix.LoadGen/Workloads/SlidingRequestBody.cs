using System.Text;

namespace Matrix.LoadGen.Workloads;

/// <summary>A sliding sync request as today's clients make it: a window of 20 rooms, with all extensions.</summary>
internal static class SlidingRequestBody
{
    private const string Json = """
        {
          "lists": {
            "all_rooms": {
              "ranges": [[0, 19]],
              "timeline_limit": 1,
              "required_state": [
                ["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"],
                ["m.room.topic", ""], ["m.room.avatar", ""], ["m.room.canonical_alias", ""],
                ["m.room.power_levels", ""], ["m.room.create", ""], ["m.room.join_rules", ""],
                ["m.room.pinned_events", ""], ["org.matrix.msc3401.call.member", "*"]
              ],
              "filters": {"not_room_types": ["m.space"]}
            }
          },
          "extensions": {
            "to_device": {"enabled": true}, "e2ee": {"enabled": true}, "account_data": {"enabled": true},
            "receipts": {"enabled": true, "rooms": ["*"]}, "typing": {"enabled": true}
          }
        }
        """;

    /// <summary>The body.</summary>
    public static byte[] Body { get; } = Encoding.UTF8.GetBytes(Json);
}
