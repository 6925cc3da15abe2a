using Matrix.Core.Facade;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Rooms, their directory, presence, pushes, syncs.</summary>
internal static class RoomMapping
{
    /// <summary>The default of Synapse 1.160.</summary>
    private const string DefaultVersion = "11";

    internal static void Map(MappingContext to)
    {
        var from = to.From;
        var version = from.AnyText("default_room_version") ?? DefaultVersion;
        if (RoomRules.Known.Contains(version)) to.Ours.Set("room_versions.default", version);
        else to.Findings.Refuse("default_room_version", "No such version is known here: new rooms have the default.");

        var isClosed = from.Flag("restrict_public_rooms_to_local_users", false);
        to.Ours.Set(
            "federation.public_rooms", !isClosed && from.Flag("allow_public_rooms_over_federation", false));
        to.Ours.Set("federation.extremities_merged", from.Whole("dummy_events_threshold"), 1, 10_000);
        to.Ours.Set("limits.longest_delay", from.Duration("max_event_delay_duration"));
        to.Ours.Set(
            "limits.delayed_events",
            from.Map("experimental_features").Whole("msc4140_max_delayed_events_per_user"),
            1,
            10_000);
        to.Ours.Set("sync.longest_timeline", from.Whole("filter_timeline_limit"), 1, 1000);
        to.Ours.Set("user_directory.all_local_users", from.Map("user_directory").Flag("search_all_users"));
        to.Ours.Set("push.count_rooms", from.Map("push").Flag("group_unread_count_by_room"));
        to.Ours.Set("limits.push_rules", from.Map("push_rules").Map("limits").Whole("rule_count"), 1, 100_000);
        Rules(to, "alias_creation_rules", "Every member may create aliases of any name that no service reserves.");
        Rules(to, "room_list_publication_rules", "Whoever may set a room's canonical alias may publish it.");
        Presence(to);
    }

    /// <summary>Rules for the directory are refused unless the first that applies to everything allows it.</summary>
    private static void Rules(MappingContext to, string setting, string sentence)
    {
        if (!to.From.IsWritten(setting) || to.From.Find(setting) is null) return;
        var rules = to.From.Maps(setting);
        var allowsAll = rules.Count > 0 && rules[0].Text("action") == "allow"
            && Array.TrueForAll(["user_id", "room_id", "alias"], name => rules[0].Text(name) is null or "*");
        if (!allowsAll) to.Findings.Refuse(setting, sentence);
    }

    private static void Presence(MappingContext to)
    {
        var presence = to.From.Map("presence");
        var isUntracked = presence.Find("enabled") is YamlValue.Text { Value: "untracked" };
        var isOn = !isUntracked && (presence.Flag("enabled") ?? to.From.Flag("use_presence", true));
        if (!isOn) to.Ours.Set("presence.mode", "off");
        if (isUntracked) to.Findings.List("presence.enabled", "Presence is off: modules cannot set it.");
        to.Ours.Set("presence.active_for", presence.Duration("last_active_granularity"));
        to.Ours.Set("presence.offline_after", presence.Duration("sync_online_timeout"));
        to.Ours.Set("presence.idle_after", presence.Duration("idle_timeout"));
    }
}
