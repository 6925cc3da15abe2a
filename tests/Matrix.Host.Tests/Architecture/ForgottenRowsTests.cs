using System.Reflection;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Tests.Architecture;

/// <summary>
/// Whoever deletes rows or updates them must think of those who remember them. These tests compare the kinds of changes
/// (which tables their statements delete from or update) with the holders of rows in memory (which tables they hold,
/// and which changes their consumers look at). A new kind of change, table or cache that does not fit fails here.
/// </summary>
internal sealed class ForgottenRowsTests
{
    // A dated change is one of any kind. Only imports make them, before anyone remembers rows.
    private static IEnumerable<(Holder Holder, Type Kind)> Pairs =>
        from holder in Holders.All
        let tables = holder.Tables.Split(' ')
        from kind in ChangedTables.ByKind
        where kind.Key != typeof(DatedChange) && kind.Value.Overlaps(tables)
        select (holder, kind.Key);

    [Test]
    public void Every_holder_of_rows_learns_of_their_end_or_says_why_not() =>
        Assert.That(
            Pairs.Where(pair => !LearnsOf(pair.Holder, pair.Kind) && !pair.Holder.Reasons.ContainsKey(pair.Kind))
                .Select(pair => $"{pair.Holder} need not learn of {pair.Kind.Name}, because …?"),
            Is.Empty);

    [Test]
    public void No_reason_is_given_in_vain()
    {
        var needed = Pairs.Where(pair => !LearnsOf(pair.Holder, pair.Kind)).ToHashSet();
        Assert.That(
            Holders.All.SelectMany(holder => holder.Reasons.Keys.Select(kind => (holder, kind)))
                .Where(pair => !needed.Contains(pair)).Select(pair => $"{pair.holder}: {pair.kind.Name}"),
            Is.Empty);
    }

    [Test]
    public void Every_cache_and_every_consumer_is_listed()
    {
        var listed = Holders.All.Select(holder => holder.Type).Concat(Holders.OfNoRows).ToHashSet();
        var found = Found().ToList();
        Assert.That(
            found.Where(type => !listed.Contains(type) && !IsPart(type)).Select(type => type.FullName), Is.Empty);
        Assert.That(
            Holders.OfNoRows.Where(type => !found.Contains(type)).Select(type => type.Name), Is.Empty, "no more there");
        Assert.That(
            Holders.Parts.Where(part => !found.Any(type => NameOf(type) == part)), Is.Empty, "no more there");
    }

    [Test]
    public void The_tables_of_holders_and_of_changes_exist()
    {
        var known = ChangedTables.ByKind.Values.SelectMany(tables => tables).ToHashSet();
        Assert.That(
            Holders.All.SelectMany(holder => holder.Tables.Split(' ')).Where(table => !known.Contains(table)),
            Is.Empty);
        Assert.That(
            ChangedTables.ByKind[typeof(EventsPurged)],
            Is.SupersetOf(new[] { "events", "relations", "search_events" }),
            "the statements are found");
    }

    /// <summary>Whether the code of one of the holder's consumers looks at changes of this kind.</summary>
    private static bool LearnsOf(Holder holder, Type kind) =>
        holder.Consumers.Any(consumer => ConsumerCode.KindsOf(consumer).Contains(kind));

    /// <summary>The consumers of changes, and the classes with caches or with tables by what storage names.</summary>
    private static IEnumerable<Type> Found() =>
        ConsumerCode.HostTypes
            .Where(type => !type.Name.Contains('<', StringComparison.Ordinal)
                && (typeof(IChangeConsumer).IsAssignableFrom(type) || Fields(type).Any(Remembers)));

    private static IEnumerable<Type> Fields(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly)
            .Select(field => field.FieldType);

    private static bool Remembers(Type field) =>
        field.IsGenericType
        && (field.GetGenericTypeDefinition() == typeof(ByteCache<,>)
            || (field.Name.StartsWith("Dictionary", StringComparison.Ordinal)
                || field.Name.StartsWith("ConcurrentDictionary", StringComparison.Ordinal)
                || field.Name.StartsWith("HashSet", StringComparison.Ordinal)) && NamesRows(field));

    private static bool NamesRows(Type type) =>
        type.Assembly == typeof(Change).Assembly || type.GetGenericArguments().Any(NamesRows);

    private static bool IsPart(Type type) => Holders.Parts.Contains(NameOf(type));

    private static string NameOf(Type type) => type.FullName![(type.Namespace!.Length + 1)..];
}
