using System.Reflection;
using Matrix.Host.Parts;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Told;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Imports;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Storage;

/// <summary>Registers a storage.</summary>
public static class StorageRegistration
{
    private static readonly PropertyInfo[] _tables = typeof(StorageTables).GetProperties();

    /// <summary>
    /// Adds an open storage, its writer and each of its tables. A cluster replaces what tells other nodes.
    /// </summary>
    public static IServiceCollection AddStorage(this IServiceCollection services, OpenedStorage storage)
    {
        services.AddSingleton(storage).AddSingleton(storage.Writer).AddSingleton(storage.Admin)
            .AddSingleton(storage.NodeShards).AddSingleton(storage.NodeShards.Gates)
            .AddSingleton(new ShardOwners(storage.NodeShards, storage.Shards))
            .Add<TokenPositions>()
            .Add<ImportedPositions>()
            .AddSingleton(new StorageLevel(storage.Link is { } level ? () => level.Follower.LevelAt : null))
            .AddSingleton<IShardCalls, NoShardCalls>()
            .AddSingleton<INodeTells>(NoOtherNodes.Instance)
            .Add<ToldMemories>()
            .As<INodeTellHandler, ToldMemories>();
        if (storage.Link is { } link) services.AddSingleton(link.Follower);
        foreach (var table in _tables)
        {
            services.AddSingleton(table.PropertyType, table.GetValue(storage)!);
        }

        return services;
    }
}
