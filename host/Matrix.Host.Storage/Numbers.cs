using System.Diagnostics.CodeAnalysis;
using Matrix.Core.Facade;

namespace Matrix.Host.Storage;

/// <summary>A room's number inside this server, from 1. It never leaves the server.</summary>
[SuppressMessage("Design", "CA1036", Justification = "For sorting and equality only.")]
public readonly record struct RoomNid(int Value) : IComparable<RoomNid>
{
    /// <inheritdoc/>
    public int CompareTo(RoomNid other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>
/// An event's number inside this server: its room's number in the upper 32 bits, its ordinal in the lower. The room's
/// lane assigns ordinals: from <see cref="FirstLiveOrdinal"/> upward as events arrive, and downward from there as
/// history is fetched. So a room's events are one contiguous range in timeline order. Zero means no event.
/// </summary>
[SuppressMessage("Design", "CA1036", Justification = "For sorting and equality only; ranges compare Value.")]
public readonly record struct EventNid(long Value) : IComparable<EventNid>
{
    /// <summary>
    /// The ordinal of the first event that arrives live in a room; history counts down from the one below it.
    /// </summary>
    public const uint FirstLiveOrdinal = 0x8000_0000;

    /// <summary>No event.</summary>
    public static EventNid None => default;

    /// <summary>The number of the event with this ordinal in this room.</summary>
    public static EventNid Of(RoomNid room, uint ordinal) => new(((long)room.Value << 32) | ordinal);

    /// <summary>The lowest possible number of an event of the room.</summary>
    public static EventNid FirstOf(RoomNid room) => Of(room, 0);

    /// <summary>The highest possible number of an event of the room.</summary>
    public static EventNid LastOf(RoomNid room) => Of(room, uint.MaxValue);

    /// <summary>The lowest possible number of a live event of the room, one that was not fetched as history.</summary>
    public static EventNid FirstLiveOf(RoomNid room) => Of(room, FirstLiveOrdinal);

    /// <summary>The room.</summary>
    public RoomNid Room => new((int)(Value >> 32));

    /// <summary>The position within the room.</summary>
    public uint Ordinal => (uint)Value;

    /// <summary>The ordinal below which events are outliers, and from which on they are history.</summary>
    public const uint FirstHistoryOrdinal = 0x4000_0000;

    /// <summary>Whether the event had no place in the timeline when it got this number.</summary>
    public bool IsOutlier => Ordinal is > 0 and < FirstHistoryOrdinal;

    /// <summary>Whether the event was fetched as history, from before the first event that this server knew.</summary>
    public bool IsHistory => Ordinal is >= FirstHistoryOrdinal and < FirstLiveOrdinal;

    /// <summary>Whether the event arrived live.</summary>
    public bool IsLive => Ordinal >= FirstLiveOrdinal;

    /// <summary>Whether this means no event.</summary>
    public bool IsNone => Value == 0;

    /// <inheritdoc/>
    public int CompareTo(EventNid other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => $"{Room}/{Ordinal}";
}

/// <summary>The direction of a page of rows.</summary>
public enum Direction
{
    /// <summary>From old to new.</summary>
    Forward,

    /// <summary>From new to old.</summary>
    Backward,
}

/// <summary>The parts of a room that never change.</summary>
/// <param name="Nid">Its number inside this server.</param>
public sealed record RoomIdentity(RoomNid Nid, string RoomId, RoomRules Rules);
