using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.Administration;

/// <summary>How long messages and rooms are kept. Configuration: `retention`.</summary>
public sealed record RetentionOptions
{
    [Setting(
        "retention.follow_rooms",
        "Whether messages are deleted that are older than a room's m.room.retention says (MSC1763).")]
    public bool FollowsRooms { get; init; }

    [Setting("retention.messages", "How long messages are kept in rooms that do not say, such as 365d, or ever.")]
    public TimeSpan? Usual { get; init; }

    [Setting("retention.shortest", "The shortest time that a room may ask for; a shorter one becomes this.")]
    public TimeSpan Shortest { get; init; } = TimeSpan.FromDays(1);

    [Setting("retention.longest", "The longest time that a room may ask for; a longer one becomes this.")]
    public TimeSpan? Longest { get; init; }

    [Setting(
        "retention.empty_rooms",
        "How long after its last local member left a room is deleted from this server, or ever for never.")]
    public TimeSpan? EmptyRooms { get; init; }

    [Setting("retention.interval", "How often it is looked what is too old.", Form = SettingForm.Timer)]
    public TimeSpan Interval { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Whether anything is deleted.</summary>
    public bool IsOn => FollowsRooms || Usual is not null || EmptyRooms is not null;
}
