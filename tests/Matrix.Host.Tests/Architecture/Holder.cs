using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.RoomRows;

namespace Matrix.Host.Tests.Architecture;

/// <summary>
/// A part of the server that keeps in memory what it read from tables, or what it made of that. It must learn of every
/// change that deletes or updates these rows: by a consumer, or there is a reason why it need not.
/// </summary>
/// <param name="Type">The part.</param>
/// <param name="Tables">The names of the tables, with spaces between them.</param>
internal sealed record Holder(Type Type, string Tables)
{
    private const string RoomIsGone =
        "The room's number is not given again, and its id is not found: nobody asks for what is held of it.";

    /// <summary>The consumers by which it learns of changes; itself, if it is one.</summary>
    public List<Type> Consumers { get; } = typeof(IChangeConsumer).IsAssignableFrom(Type) ? [Type] : [];

    /// <summary>The kinds of changes that it need not learn of, each with the reason.</summary>
    public Dictionary<Type, string> Reasons { get; } = [];

    /// <summary>It learns of changes by this consumer.</summary>
    public Holder By<TConsumer>()
        where TConsumer : IChangeConsumer
    {
        Consumers.Add(typeof(TConsumer));
        return this;
    }

    /// <summary>It need not learn of these kinds of changes.</summary>
    public Holder Not(string reason, params Type[] kinds)
    {
        foreach (var kind in kinds) Reasons.Add(kind, reason);
        return this;
    }

    /// <summary>It need not learn that a room's rows are deleted after the room.</summary>
    public Holder EndsWithRoom(params Type[] kinds) =>
        Not(RoomIsGone, kinds.Length > 0 ? kinds : [typeof(RoomDeleted), typeof(RoomRowsDeleted)]);

    public override string ToString() => Type.Name;
}
