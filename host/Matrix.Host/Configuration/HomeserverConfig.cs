using System.Collections;
using System.Net;
using Matrix.Core.Facade;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Keys;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Sync;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Configuration;

/// <summary>The configuration, typed: what each part of the server is given.</summary>
internal sealed record HomeserverConfig
{
    internal required string ServerName { get; init; }

    internal required string DataDir { get; init; }

    internal required StorageOptions Storage { get; init; }

    internal required IPEndPoint? ClientListener { get; init; }

    internal required IPEndPoint? FederationListener { get; init; }

    internal required IPEndPoint? MetricsListener { get; init; }

    internal required ConnectionLimits Connections { get; init; }

    internal required HttpOptions Http { get; init; }

    internal required RateLimitOptions Rates { get; init; }

    internal required ClientOptions Client { get; init; }

    internal required RoomsOptions Rooms { get; init; }

    internal required SyncOptions Sync { get; init; }

    internal required ReadingOptions Reading { get; init; }

    internal required KeyOptions Keys { get; init; }

    internal required PasswordHashCost PasswordCost { get; init; }

    internal required TimeSpan ExpiredTokensKept { get; init; }

    internal required LogLevel LogLevel { get; init; }

    internal required bool LogAsJson { get; init; }

    /// <summary>Makes it of values that were read and checked, and checks what concerns several of them.</summary>
    /// <param name="values">The values.</param>
    /// <param name="folder">The folder of the file that they were read from: relative paths start there.</param>
    internal static (HomeserverConfig? Config, IReadOnlyList<ConfigMistake> Mistakes) From(ConfigValues values, string folder)
    {
        var mistakes = new List<ConfigMistake>();
        void Refuse(ConfigKey key, string message) => mistakes.Add(new ConfigMistake(values.PlaceOf(key), message));

        // What the environment names is relative to where the command was given; what the file names, to the file.
        string PathOf(ConfigKey<string> key) =>
            Path.GetFullPath(values.Get(key), values.IsFromEnvironment(key) ? Environment.CurrentDirectory : folder);

        void MustExist(ConfigKey<string> key, Func<string, bool> exists)
        {
            if (values.Get(key).Length > 0 && !exists(PathOf(key))) Refuse(key, $"`{key.Path}`: there is no {PathOf(key)}");
        }

        MustExist(ConfigKeys.TlsCertificate, File.Exists);
        MustExist(ConfigKeys.TlsKey, File.Exists);
        MustExist(ConfigKeys.CustomCa, File.Exists);
        MustExist(ConfigKeys.AppServices, Directory.Exists);
        if (values.Get(ConfigKeys.TlsCertificate).Length > 0 != values.Get(ConfigKeys.TlsKey).Length > 0)
        {
            Refuse(ConfigKeys.TlsCertificate, "`tls.certificate` and `tls.key` belong together: expected both or neither");
        }

        var unstable = values.Get(ConfigKeys.UnstableRoomVersions);
        if (values.Get(ConfigKeys.DefaultRoomVersion) is var version && RoomRules.Unstable.Contains(version) && !unstable.Contains(version))
        {
            Refuse(
                ConfigKeys.DefaultRoomVersion,
                $"`room_versions.default`: expected a version of the specification or one that `room_versions.unstable` lists, found `{version}`");
        }

        if (mistakes.Count > 0) return (null, mistakes);

        var dataDir = PathOf(ConfigKeys.DataDir);
        var serverName = values.Get(ConfigKeys.ServerName);
        return (new HomeserverConfig
        {
            ServerName = serverName,
            DataDir = dataDir,
            Storage = new StorageOptions
            {
                Url = values.Get(ConfigKeys.DatabaseUrl),
                DataDir = dataDir,
                ServerName = serverName,
                Readers = values.Get(ConfigKeys.DatabaseReaders),
                MaxSetsPerFlush = values.Get(ConfigKeys.DatabaseFlushSets),
                MaxBytesPerFlush = (int)values.Get(ConfigKeys.DatabaseFlushBytes),
                MaxQueuedSets = values.Get(ConfigKeys.DatabaseQueuedWrites),
                MaxQueuedReads = values.Get(ConfigKeys.DatabaseQueuedReads),
                LongestRead = values.Get(ConfigKeys.DatabaseReadTime),
                MaxRelationDepth = values.Get(ConfigKeys.RelationDepth),
                SqliteSynchronous = values.Get(ConfigKeys.DatabaseSynchronous),
            },
            ClientListener = values.Get(ConfigKeys.ClientListener),
            FederationListener = values.Get(ConfigKeys.FederationListener),
            MetricsListener = values.Get(ConfigKeys.MetricsListener),
            Connections = new ConnectionLimits(
                values.Get(ConfigKeys.Connections),
                values.Get(ConfigKeys.HeaderCount),
                (int)values.Get(ConfigKeys.HeaderBytes),
                (int)values.Get(ConfigKeys.RequestLineBytes),
                values.Get(ConfigKeys.HeaderTime)),
            Http = new HttpOptions(
                (int)values.Get(ConfigKeys.BodyLimit),
                (int)values.Get(ConfigKeys.EventBodyLimit),
                (int)values.Get(ConfigKeys.LargeBodyLimit),
                values.Get(ConfigKeys.TrustForwardedFor)),
            Rates = new RateLimitOptions(
                values.Get(ConfigKeys.RateLimitsEnabled),
                new Rate(values.Get(ConfigKeys.LoginRate), values.Get(ConfigKeys.LoginBurst)),
                new Rate(values.Get(ConfigKeys.PasswordRate), values.Get(ConfigKeys.PasswordBurst)),
                new Rate(values.Get(ConfigKeys.KnownLoginRate), values.Get(ConfigKeys.KnownLoginBurst)),
                new Rate(values.Get(ConfigKeys.RegistrationRate), values.Get(ConfigKeys.RegistrationBurst)),
                new Rate(values.Get(ConfigKeys.SendRate), values.Get(ConfigKeys.SendBurst)),
                new Rate(values.Get(ConfigKeys.MembershipRate), values.Get(ConfigKeys.MembershipBurst)),
                new Rate(values.Get(ConfigKeys.OtherRate), values.Get(ConfigKeys.OtherBurst)),
                values.Get(ConfigKeys.RateLimitTracked))
            {
                Recursion = new Rate(values.Get(ConfigKeys.RecursionRate), values.Get(ConfigKeys.RecursionBurst)),
            },
            Client = new ClientOptions
            {
                ServerName = serverName,
                PublicBaseUrl = values.Get(ConfigKeys.PublicBaseUrl),
                LimitsInfo = values.Get(ConfigKeys.LimitsInfo),
                RegistrationEnabled = values.Get(ConfigKeys.RegistrationEnabled),
                RegistrationRequiresToken = values.Get(ConfigKeys.RegistrationRequiresToken),
                RegistrationSharedSecret = values.Get(ConfigKeys.RegistrationSharedSecret),
                AccessTokenLifetime = values.Get(ConfigKeys.AccessTokenLifetime),
                LoginTokenLifetime = values.Get(ConfigKeys.LoginTokenLifetime),
                InteractiveLifetime = values.Get(ConfigKeys.InteractiveLifetime),
                InteractiveSessions = values.Get(ConfigKeys.InteractiveSessions),
                KnownLogins = values.Get(ConfigKeys.KnownLogins),
                KnownLoginsKept = values.Get(ConfigKeys.KnownLoginsKept),
                ShortestPassword = values.Get(ConfigKeys.PasswordLength),
                CachedTokens = values.Get(ConfigKeys.TokenCache),
                Devices = values.Get(ConfigKeys.Devices),
                AccountData = values.Get(ConfigKeys.AccountData),
                Filters = values.Get(ConfigKeys.Filters),
                FilterCacheBytes = values.Get(ConfigKeys.FilterCache),
                PushRules = values.Get(ConfigKeys.PushRules),
            },
            Rooms = new RoomsOptions
            {
                ServerName = serverName,
                DefaultRoomVersion = values.Get(ConfigKeys.DefaultRoomVersion),
                UnstableRoomVersions = unstable,
                EventCacheBytes = values.Get(ConfigKeys.EventCache),
                StateCacheBytes = values.Get(ConfigKeys.StateCache),
                IdleRooms = values.Get(ConfigKeys.IdleRooms),
                TransactionCacheBytes = values.Get(ConfigKeys.TransactionCache),
                MaxSpeculation = values.Get(ConfigKeys.RoomSpeculation),
                MaxPrevEvents = values.Get(ConfigKeys.PrevEvents),
                MaxWaitingPerLane = values.Get(ConfigKeys.RoomQueue),
                LongestDeparturePause = values.Get(ConfigKeys.DeparturePause),
                MaxWaitingRedactions = values.Get(ConfigKeys.WaitingRedactions),
                MaxInitialInvites = values.Get(ConfigKeys.InitialInvites),
                MaxInitialState = values.Get(ConfigKeys.InitialState),
            },
            Sync = new SyncOptions
            {
                IdleAfter = values.Get(ConfigKeys.SyncIdleAfter),
                LongestPoll = values.Get(ConfigKeys.SyncLongestPoll),
                PollWhenFull = values.Get(ConfigKeys.SyncPollWhenFull),
                MaxRoomMarks = values.Get(ConfigKeys.SyncFollowed),
                DefaultTimelineLimit = values.Get(ConfigKeys.SyncTimeline),
                MaxTimelineLimit = values.Get(ConfigKeys.SyncLongestTimeline),
                MaxToDevice = values.Get(ConfigKeys.SyncToDevice),
                MaxReceipts = values.Get(ConfigKeys.SyncReceipts),
                MaxTypingRooms = values.Get(ConfigKeys.TypingRooms),
                MaxTypingUsers = values.Get(ConfigKeys.TypingUsers),
                LongestTyping = values.Get(ConfigKeys.LongestTyping),
                UnreadCacheBytes = values.Get(ConfigKeys.UnreadCache),
                HeroCacheBytes = values.Get(ConfigKeys.HeroCache),
                PushRuleCacheBytes = values.Get(ConfigKeys.PushRuleCache),
            },
            Reading = new ReadingOptions
            {
                MaxChildren = values.Get(ConfigKeys.RelatedEvents),
                LongestScan = values.Get(ConfigKeys.ScanTime),
                MaxReceiptThreads = values.Get(ConfigKeys.ReceiptThreads),
                MaxReceiptRelations = values.Get(ConfigKeys.ReceiptRelations),
            },
            Keys = new KeyOptions
            {
                MaxOneTimeKeys = values.Get(ConfigKeys.OneTimeKeys),
                MaxKeyAlgorithms = values.Get(ConfigKeys.KeyAlgorithms),
                MaxKeyBytes = (int)values.Get(ConfigKeys.KeyBytes),
                MaxUsersPerQuery = values.Get(ConfigKeys.KeyQueryUsers),
                MaxClaims = values.Get(ConfigKeys.KeyClaims),
                MaxToDeviceBytes = (int)values.Get(ConfigKeys.ToDeviceBytes),
                MaxToDeviceMessages = values.Get(ConfigKeys.ToDeviceMessages),
                MaxToDeviceWaiting = values.Get(ConfigKeys.ToDeviceInbox),
                MaxBackupKeys = values.Get(ConfigKeys.BackupKeys),
            },
            PasswordCost = new PasswordHashCost(
                values.Get(ConfigKeys.PasswordMemory),
                values.Get(ConfigKeys.PasswordOperations),
                values.Get(ConfigKeys.PasswordConcurrency),
                values.Get(ConfigKeys.PasswordWaiting)),
            ExpiredTokensKept = values.Get(ConfigKeys.ExpiredTokensKept),
            LogLevel = Enum.Parse<LogLevel>(values.Get(ConfigKeys.LogLevel), ignoreCase: true),
            LogAsJson = values.Get(ConfigKeys.LogFormat) == "json",
        }, mistakes);
    }
}

/// <summary>Bounds of connections.</summary>
/// <param name="Most">How many at once.</param>
/// <param name="Headers">Headers of a request.</param>
/// <param name="HeaderBytes">Bytes of all headers of a request.</param>
/// <param name="RequestLineBytes">Bytes of method, path and query.</param>
/// <param name="HeaderTime">Time for that line and the headers to arrive.</param>
internal sealed record ConnectionLimits(int Most, int Headers, int HeaderBytes, int RequestLineBytes, TimeSpan HeaderTime);
