using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Tests.Architecture;

/// <summary>
/// Each kind of change is in one of two lists: those that other nodes get as bytes, because a consumer reads them, and
/// those that stay on their node.
/// </summary>
internal sealed class SharedChangesTests
{
    private static IEnumerable<Type> Shared => SharedChanges.Formats.All.Select(static format => format.Kind);

    /// <summary>The kinds that consumers read, each with the names of these.</summary>
    private static ILookup<Type, string> Readers => ConsumerCode.Consumers
        .SelectMany(static consumer => ConsumerCode.KindsOf(consumer).Select(kind => (kind, consumer.Name)))
        .Where(static each => each.kind != typeof(ConditionalChange))
        .ToLookup(static each => each.kind, static each => each.Name);

    [Test]
    public void Each_kind_is_in_one_of_the_lists()
    {
        var kinds = typeof(Change).Assembly.GetTypes()
            .Where(static type => type is { IsAbstract: false } && type.IsSubclassOf(typeof(Change))).ToHashSet();

        Assert.That(kinds.Except(Shared).Except(UnsharedChanges.Kinds), Is.Empty, "in none");
        Assert.That(Shared.Concat(UnsharedChanges.Kinds), Is.Unique);
        Assert.That(Shared.Concat(UnsharedChanges.Kinds).Except(kinds), Is.Empty, "no kind of change");
        Assert.That(kinds, Has.Count.GreaterThan(100));
    }

    [Test]
    public void What_consumers_read_is_shared_and_nothing_else()
    {
        Assert.That(
            Readers.Where(static each => UnsharedChanges.Kinds.Contains(each.Key))
                .Select(static each => $"{each.Key.Name}, which {string.Join(", ", each.Distinct())} read"),
            Is.Empty,
            "other nodes need it");
        Assert.That(
            Shared.Where(static kind => !Readers.Contains(kind)).Select(static kind => kind.Name),
            Is.Empty,
            "no consumer reads it");
    }

    [Test]
    public void Numbers_are_given_once() =>
        Assert.That(SharedChanges.Formats.All.Select(static format => format.Number), Is.Unique);

    [Test]
    public void The_check_sees_what_consumers_read()
    {
        Assert.That(Readers[typeof(EventsAppended)], Has.Member("RoomSnapshots").And.Member("OutboundEventFeed"));
        Assert.That(Readers[typeof(MembershipChanged)], Has.Member("RoomFollowers"), "by a helper");
    }
}
