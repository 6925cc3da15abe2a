using Matrix.Core.Federation;
using Matrix.Host.Network;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Matrix.Host.Storage;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Administration;
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

namespace Matrix.Host.Users;

/// <summary>Registers the services of users.</summary>
public static class UsersServices
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
        .AddSingleton<AccessTokens>()
        .AddSingleton<IAccessTokens>(parts => parts.GetRequiredService<AccessTokens>())
        .AddSingleton<AppServiceCallers>()
        .AddSingleton<AccountLocks>()
        .AddSingleton<AccountModeration>()
        .AddSingleton<SeenDevices>()
        .AddSingleton<Logins>()
        .AddSingleton<OpenIdTokens>()
        .AddSingleSignOn(options.Sso)
        .AddSingleton(options.Captcha)
        .AddSingleton(parts => new Captchas(
            UrlSender.With(
                parts.GetRequiredService<NetworkOptions>(),
                options.Captcha.AllowNetworks,
                parts.GetRequiredService<CertificateTrust>(),
                parts.GetRequiredService<IDnsResolver>(),
                parts.GetRequiredService<TimeProvider>(),
                "captcha"),
            options.Captcha))
        .AddSingleton(options.OAuth)
        .AddSingleton<OAuthClients>()
        .AddSingleton<AuthorizationRequests>()
        .AddSingleton<AuthorizationCodes>()
        .AddSingleton<DeviceAuthorizations>()
        .AddSingleton<DeviceCodePolls>()
        .AddSingleton<OAuthSessions>()
        .AddSingleton<OAuthGrants>()
        .AddSingleton<BrowserSignIns>()
        .AddSingleton<SignUps>()
        .AddSingleton<Reauthentication>()
        .AddSingleton<CrossSigningResets>()
        .AddSingleton(parts => new TurnCredentials(options.Turn, parts.GetRequiredService<TimeProvider>()))
        .AddSingleton(options.Rendezvous)
        .AddSingleton(parts => new RendezvousSessions(options.Rendezvous, parts.GetRequiredService<TimeProvider>()))
        .AddSingleton<DeviceManagement>()
        .AddSingleton<DehydratedDevices>()
        .AddSingleton<KnownLogins>()
        .AddSingleton<PasswordLogin>()
        .AddSingleton<UserLocks>()
        .AddSingleton<Usernames>()
        .AddSingleton<RegistrationGate>()
        .AddSingleton<Registrations>()
        .AddSingleton<GuestAccounts>()
        .AddSingleton<UnusedGuests>()
        .AddSingleton(options.ThirdPartyIds)
        .AddSingleton<MessageSender>()
        .AddSingleton<IdentifierPolicy>()
        .AddSingleton<AddressNotices>()
        .AddSingleton<AccountIdentifiers>()
        .AddSingleton<IdentityBindings>()
        .AddSingleton<Validations>()
        .AddSingleton<PasswordChanges>()
        .AddSingleton<Deactivation>()
        .AddSingleton<AuditLog>()
        .AddSingleton<AdminSignIns>()
        .AddSingleton<UserAdministration>()
        .AddSingleton<DeviceAdministration>()
        .AddSingleton<UserRateLimits>()
        .AddSingleton<RegistrationTokens>()
        .AddSingleton<LoginAs>()
        .AddSingleton<RemoteProfiles>()
        .AddSingleton<UserProfiles>()
        .AddSingleton<ProfileUpdates>()
        .AddSingleton<PresenceBoard>()
        .AddSingleton<PresencePublisher>()
        .AddSingleton<PresenceActivity>()
        .AddSingleton<UserPresences>()
        .AddSingleton<PresenceLists>()
        .AddSingleton<EarlyPresence>()
        .AddSingleton<ReceivedPresence>()
        .AddSingleton<UserAccountData>()
        .AddSingleton<RoomTags>()
        .AddSingleton<ReplacedRooms>()
        .AddSingleton<StoredFilters>()
        .AddSingleton<KeyBackups>()
        .AddSingleton(
            parts => new IgnoredUsers(parts.GetRequiredService<IStorage>().AccountData, options.IgnoredCacheBytes))
        .AddSingleton(parts => new InviteSetting(parts.GetRequiredService<IStorage>().AccountData))
        .AddSingleton<UserPushRules>()
        .AddSingleton<UserPushers>()
        .AddSingleton(
            parts => new PushRuleCache(parts.GetRequiredService<IStorage>().AccountData, options.PushRuleCacheBytes))
        .AddSingleton<DeviceKeyUploads>()
        .AddSingleton<KeyQueries>()
        .AddSingleton<DeviceLists>()
        .AddSingleton<KeyClaims>()
        .AddSingleton<CrossSigningUploads>()
        .AddSingleton<SignatureUploads>()
        .AddSingleton<DeviceListUpdates>()
        .AddSingleton<RemoteRequests>()
        .AddSingleton<RemoteDeviceLists>()
        .AddSingleton<RemoteKeyQueries>()
        .AddSingleton<IRemoteMasterKeys>(parts => parts.GetRequiredService<RemoteKeyQueries>())
        .AddSingleton<RemoteKeyClaims>()
        .AddSingleton(parts => new ToDeviceSender(
            parts.GetRequiredService<IStorage>(),
            parts.GetRequiredService<ISentOnce>(),
            options.ServerName,
            parts.GetRequiredService<ServerFilter>(),
            keys,
            parts.GetRequiredService<TimeProvider>()))
        .AddSingleton(parts => new ReceivedMessages(
            parts.GetRequiredService<IStorage>(), options.ServerName, keys));
}
