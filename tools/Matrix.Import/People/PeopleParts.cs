using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>The parts of people, in the order in which they run.</summary>
internal static class PeopleParts
{
    /// <summary>Accounts and what they have. All other parts may rely on them.</summary>
    public static IReadOnlyList<IImportPart> Accounts { get; } =
    [
        new AccountsPart(),
        new ThirdPartyIdsPart(),
        new BindingsPart(),
        new IdentitiesPart(),
        new ProfilesPart(),
        new DevicesPart(),
        new AccessTokensPart(),
        new RefreshTokensPart(),
        new SignOnSessionsPart(),
        new FiltersPart(),
        new AccountDataPart(),
        new PushRulesPart(),
        new PushersPart(),
        new PresencePart(),
        new RateLimitsPart(),
        new RegistrationTokensPart(),
        new ReportsPart(),
        new ValiditiesPart(),
        new EndingsPart(),
    ];

    /// <summary>What names rooms and events: it runs after them.</summary>
    public static IReadOnlyList<IImportPart> AfterRooms { get; } = [new NoticeRoomsPart(), new OwedPushesPart()];
}
