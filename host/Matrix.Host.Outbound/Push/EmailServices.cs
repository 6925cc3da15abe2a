using Matrix.Host.Network.Mail;

namespace Matrix.Host.Outbound.Push;

/// <summary>What the senders of mail share.</summary>
/// <param name="Confirmations">Bounds the mails that ask to confirm an address, by user and by address.</param>
internal sealed record EmailServices(EmailOptions Options, Mailer Mailer, ConfirmationLimits Confirmations);
