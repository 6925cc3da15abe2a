using System.Reflection;
using Matrix.Host.Api.Http;
using Matrix.Host.Listeners;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Tests.Architecture;

/// <summary>What a part must be registered as, so that somebody calls it.</summary>
internal sealed class RegisteredPartTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.DeclaredOnly;

    private static readonly Type[] _types =
    [
        .. typeof(Homeserver).Assembly.GetReferencedAssemblies()
            .Where(static name => name.Name!.StartsWith("Matrix.Host.", StringComparison.Ordinal))
            .Select(Assembly.Load)
            .Append(typeof(Homeserver).Assembly)
            .SelectMany(static assembly => assembly.GetTypes()),
    ];

    /// <summary>The interfaces of which some part takes all implementations.</summary>
    private static IEnumerable<Type> Listed => _types
        .SelectMany(static type => type.GetConstructors(
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        .SelectMany(static constructor => constructor.GetParameters())
        .Select(static parameter => parameter.ParameterType)
        .Where(static type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IEnumerable<>))
        .Select(static type => type.GenericTypeArguments[0])
        .Where(static type => type.IsInterface && type.Namespace!.StartsWith("Matrix.Host", StringComparison.Ordinal))
        .Where(IsOfEachServer)
        .Distinct();

    private static IEnumerable<Type> Implementing(Type service) =>
        _types.Where(type => type is { IsAbstract: false, IsInterface: false } && service.IsAssignableFrom(type));

    private static IEnumerable<Type> TypesOf(IEnumerable<object?> parts) =>
        parts.Select(static part => part!.GetType());

    [Test]
    public async Task Every_part_that_can_run_is_in_the_list_once()
    {
        await using var server = await TestServer.StartAsync();
        var running = TypesOf(server.Services.GetServices<IHostedService>())
            .Where(static type => type.Namespace!.StartsWith("Matrix.", StringComparison.Ordinal));

        // Only nodes that serve with others move shards.
        Type[] others = [typeof(TlsReloads), typeof(ShardKeeper)];
        Assert.That(
            running, Is.EquivalentTo(Implementing(typeof(IHostedService)).Except(others).Where(IsOfEachServer)));
    }

    [Test]
    [Category(TestDatabase.Postgres)]
    public async Task On_a_node_of_several_the_parts_of_the_cluster_run_too()
    {
        await using var server = await TestServer.StartNodesAsync(2);
        var running = TypesOf(server.Services.GetServices<IHostedService>())
            .Where(static type => type.Namespace!.StartsWith("Matrix.", StringComparison.Ordinal));

        Assert.That(
            running, Is.EquivalentTo(Implementing(typeof(IHostedService)).Except([typeof(TlsReloads)])));
    }

    private static bool IsOfEachServer(Type type) =>
        !type.Namespace!.StartsWith("Matrix.Host.Cluster", StringComparison.Ordinal) && type != typeof(SharedRates);

    /// <summary>Whether a type says itself that it reads commits, so that it need not be in a list.</summary>
    private static bool AddsItself(Type type) => type
        .GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared))
        .SelectMany(MethodCode.MembersOf)
        .Any(static found => found.Member.Name == nameof(IStorageWriter.AddConsumer));

    [Test]
    public async Task Every_consumer_of_commits_is_in_a_list_or_adds_itself()
    {
        await using var server = await TestServer.StartFederatingAsync();

        // Whoever has a cache of this type passes the commits on to it.
        var parts = Implementing(typeof(IChangeConsumer)).Where(static type => !type.IsGenericTypeDefinition);
        Assert.That(
            TypesOf(Homeserver.Consumers(server.Services)),
            Is.EquivalentTo(parts.Where(static type => !AddsItself(type))));
    }

    [Test]
    public async Task A_part_that_takes_all_parts_of_a_kind_gets_all()
    {
        await using var server = await TestServer.StartFederatingAsync();
        var kinds = Listed.ToList();

        Assert.That(kinds, Has.Count.GreaterThan(8));
        Assert.Multiple(() =>
        {
            foreach (var kind in kinds)
            {
                // A part may stand there under two names.
                Assert.That(
                    TypesOf(server.Services.GetServices(kind))
                        .Select(static type => type.IsGenericType ? type.GetGenericTypeDefinition() : type).Distinct(),
                    Is.EquivalentTo(Implementing(kind).Where(IsOfEachServer)),
                    kind.Name);
            }
        });
    }
}
