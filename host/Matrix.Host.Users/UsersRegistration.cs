using Matrix.Core.Federation;
using Matrix.Host.Network;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Matrix.Host.Parts;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Commands;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.CommandRunners;
using Matrix.Host.Users.Commands;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.Filters;
using Matrix.Host.Users.Guests;
using Matrix.Host.Users.KeyBackup;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.Moderation;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.OpenId;
using Matrix.Host.Users.Presence;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.Pushers;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.RemoteKeys;
using Matrix.Host.Users.Rendezvous;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.SingleSignOn;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds.Messages;
using Matrix.Host.Users.ToDevice;
using Matrix.Host.Users.Voip;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users;

/// <summary>Registers the services of users.</summary>
public static class UsersRegistration
{
    /// <summary>
    /// Adds them. They need the network, an <see cref="ISentOnce"/>, an <see cref="IGuessLimits"/>, an
    /// <see cref="IMessageLimits"/>, an <see
    /// cref="IAccountObserver"/>, an <see cref="IEncryptedRooms"/> and the <see cref="AdminOptions"/>.
    /// </summary>
    public static IServiceCollection AddUsers(
        this IServiceCollection services, UsersOptions options, KeyOptions keys) => services
        .AddSingleton(options)
        .AddSingleton(keys)
        .Add<AccessTokens>()
        .As<IAccessTokens, AccessTokens>()
        .Add<AppServiceCallers>()
        .Add<AccountLocks>()
        .Add<AccountModeration>()
        .Add<SeenDevices>()
        .Add<Logins>()
        .Add<OpenIdTokens>()
        .AddSingleSignOn(options.Sso)
        .AddSingleton(options.Captcha)
        .AddSingleton(parts => new Captchas(
            UrlSender.With(
                parts.Get<NetworkOptions>(),
                options.Captcha.AllowNetworks,
                parts.Get<CertificateTrust>(),
                parts.Get<IDnsResolver>(),
                parts.Get<TimeProvider>(),
                "captcha"),
            options.Captcha))
        .AddSingleton(options.OAuth)
        .Add<OAuthClients>()
        .Add<AuthorizationRequests>()
        .Add<AuthorizationCodes>()
        .Add<DeviceAuthorizations>()
        .Add<DeviceCodePolls>()
        .Add<OAuthSessions>()
        .Add<OAuthGrants>()
        .Add<BrowserSignIns>()
        .Add<SignUps>()
        .Add<Reauthentication>()
        .Add<CrossSigningResets>()
        .Add<ConfirmedResets>()
        .AddSingleton(options.Turn)
        .Add<TurnCredentials>()
        .AddSingleton(options.Rendezvous)
        .Add<RendezvousSessions>()
        .Add<DeviceManagement>()
        .Add<DehydratedDevices>()
        .Add<KnownLogins>()
        .Add<PasswordLogin>()
        .Add<UnusedImportedPasswords>()
        .AddSingleton(parts => new UserLocks(parts.Get<ShardGates>(), Authority.User))
        .Add<Usernames>()
        .Add<RegistrationGate>()
        .Add<Registrations>()
        .Add<GuestAccounts>()
        .Add<UnusedGuests>()
        .Add<UserCommands>()
        .Add<UserCommandRunner>()
        .AddSingleton<IShardCallHandler>(static parts => new CommandHandler<UserCommand>(
            UserCommandFormats.All,
            ShardCallKind.User,
            UserCommands.OwnerOf,
            parts.Get<ShardGates>(),
            // When it is asked: what carries a command out may itself ask other nodes.
            (command, stop) => parts.Get<UserCommandRunner>().RunAsync(command, stop),
            parts.Get<ILogger<UserCommandRunner>>()))
        .AddSingleton(options.ThirdPartyIds)
        .Add<MessageSender>()
        .Add<IdentifierPolicy>()
        .Add<AddressNotices>()
        .Add<AccountIdentifiers>()
        .Add<IdentityBindings>()
        .Add<Validations>()
        .Add<PasswordChanges>()
        .Add<Deactivation>()
        .Add<AuditLog>()
        .Add<AdminSignIns>()
        .Add<UserAdministration>()
        .Add<DeviceAdministration>()
        .Add<UserRateLimits>()
        .Add<RegistrationTokens>()
        .Add<LoginAs>()
        .Add<RemoteProfiles>()
        .Add<UserProfiles>()
        .Add<ProfileUpdates>()
        .Add<PresenceBoard>()
        .AddSingleton<INodeTellHandler>(static parts => parts.Get<PresenceBoard>().Told!)
        .Add<INodeTellHandler, SyncingHandler>()
        .Add<PresenceAtStop>()
        .Add<PresencePublisher>()
        .Add<PresenceActivity>()
        .Add<UserPresences>()
        .Add<PresenceLists>()
        .Add<EarlyPresence>()
        .Add<ReceivedPresence>()
        .Add<AccountDataRooms>()
        .Add<UserAccountData>()
        .Add<RoomTags>()
        .Add<ReplacedRooms>()
        .Add<StoredFilters>()
        .Add<KeyBackups>()
        .AddSingleton(parts => new IgnoredUsers(parts.Get<IAccountDataTable>(), options.IgnoredCacheBytes))
        .Add<InviteSetting>()
        .Add<UserPushRules>()
        .Add<UserPushers>()
        .AddSingleton(parts => new PushRuleCache(parts.Get<IAccountDataTable>(), options.PushRuleCacheBytes))
        .Add<DeviceKeyUploads>()
        .Add<KeyQueries>()
        .Add<DeviceLists>()
        .Add<KeyClaims>()
        .Add<CrossSigningUploads>()
        .Add<SignatureUploads>()
        .Add<DeviceListUpdates>()
        .Add<RemoteRequests>()
        .Add<ServerCommands>()
        .AddSingleton<IShardCallHandler>(static parts => new CommandHandler<ServerCommand>(
            ServerCommands.Formats,
            ShardCallKind.Server,
            ServerCommands.OwnerOf,
            parts.Get<ShardGates>(),
            (command, _) => RunAsync(parts, command),
            parts.Get<ILogger<ServerCommands>>()))
        .Add<RemoteDeviceLists>()
        .Add<RemoteKeyQueries>()
        .As<IRemoteMasterKeys, RemoteKeyQueries>()
        .Add<RemoteKeyClaims>()
        .Add<ToDeviceSender>()
        .Add<ReceivedMessages>();

    /// <summary>Carries out a command of another node about a server whose shard is open here.</summary>
    private static ValueTask<ReadOnlyMemory<byte>> RunAsync(IServiceProvider parts, ServerCommand command)
    {
        switch (command)
        {
            case WantDeviceLists it:
                parts.Get<RemoteDeviceLists>().Wanted(it.UserIds);
                return ValueTask.FromResult(ReadOnlyMemory<byte>.Empty);
            default:
                throw new InvalidOperationException($"Nothing carries out {command.GetType().Name}.");
        }
    }
}
