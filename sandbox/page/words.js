// The page's own words in the languages that it can be read in.

let locale = "en-US";
const lasting = [];

/** Says a text in the page's language, with {placeholders} filled; an unknown text stays English. */
export function t(english, values = {}) {
  return template(english).replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** Says a text whose {placeholders} are nodes; gives the parts in order. */
export function sayAround(english, nodes) {
  return template(english).split(/\{(\w+)\}/).map((part, index) => (index % 2 ? nodes[part] : part)).filter((part) => part !== "");
}

/** Keeps a lasting element's attribute, or its text, in the page's language; gives the element. */
export function keepSaid(node, english, attribute = null) {
  const say = () => (attribute ? node.setAttribute(attribute, t(english)) : node.replaceChildren(t(english)));
  lasting.push(say);
  say();
  return node;
}

/** Sets the page's language, as Discord names it. */
export function speak(chosen) {
  locale = chosen;
  document.documentElement.lang = chosen;
  lasting.forEach((say) => say());
}

export const language = () => locale;

function template(english) {
  return WORDS[english]?.[COLUMNS.indexOf(locale)] ?? english;
}

const COLUMNS = ["de", "fr", "es-ES", "pt-BR", "ja"];
const WORDS = {
  "Skip to the message box": ["Zum Nachrichtenfeld springen", "Aller à la zone de message", "Ir al cuadro de mensaje", "Ir para a caixa de mensagem", "メッセージ欄へ移動"],
  "Channels": ["Kanäle", "Salons", "Canales", "Canais", "チャンネル"],
  "Conversation": ["Unterhaltung", "Conversation", "Conversación", "Conversa", "会話"],
  "Messages": ["Nachrichten", "Messages", "Mensajes", "Mensagens", "メッセージ"],
  "Members": ["Mitglieder", "Membres", "Miembros", "Membros", "メンバー"],
  "Connection lost. Trying again…": ["Verbindung unterbrochen. Neuer Versuch …", "Connexion perdue. Nouvelle tentative…", "Conexión perdida. Reintentando…", "Conexão perdida. Tentando de novo…", "接続が切れました。再接続しています…"],
  "{name} is typing…": ["{name} schreibt …", "{name} écrit…", "{name} está escribiendo…", "{name} está digitando…", "{name}が入力中…"],
  "Files go into a command's option here: type / and choose a command that takes one.": ["Dateien gehören hier in die Option eines Befehls: Gib / ein und wähle einen, der eine nimmt.", "Ici, les fichiers vont dans l’option d’une commande : tape / et choisis-en une qui en accepte.", "Aquí los archivos van en la opción de un comando: escribe / y elige uno que los acepte.", "Aqui, arquivos vão na opção de um comando: digite / e escolha um que aceite.", "ファイルはコマンドのオプションに入れます。/ を入力して、ファイルを使うコマンドを選んでください。"],
  "Message": ["Nachricht", "Message", "Mensaje", "Mensagem", "メッセージ"],
  "Message {place}": ["Nachricht an {place}", "Envoyer un message dans {place}", "Enviar mensaje a {place}", "Conversar em {place}", "{place}へメッセージを送信"],
  "Add an option": ["Option hinzufügen", "Ajouter une option", "Añadir una opción", "Adicionar opção", "オプションを追加"],
  "Leave the command": ["Befehl verlassen", "Quitter la commande", "Salir del comando", "Sair do comando", "コマンドをやめる"],
  "Send": ["Senden", "Envoyer", "Enviar", "Enviar", "送信"],
  "Composer": ["Eingabe", "Saisie", "Redacción", "Redação", "入力欄"],
  "Suggestions": ["Vorschläge", "Suggestions", "Sugerencias", "Sugestões", "候補"],
  "No command of that name.": ["Kein Befehl mit diesem Namen.", "Aucune commande de ce nom.", "Ningún comando con ese nombre.", "Nenhum comando com esse nome.", "その名前のコマンドはありません。"],
  "+{count} more": ["+{count} weitere", "+{count} de plus", "+{count} más", "+{count} mais", "ほか{count}個"],
  "No option of that name.": ["Keine Option mit diesem Namen.", "Aucune option de ce nom.", "Ninguna opción con ese nombre.", "Nenhuma opção com esse nome.", "その名前のオプションはありません。"],
  "Options": ["Optionen", "Options", "Opciones", "Opções", "オプション"],
  "Jump to present": ["Zum Neuesten springen", "Aller au plus récent", "Ir a lo más reciente", "Ir para o mais recente", "最新へ移動"],
  "This is the beginning of your direct messages with {name}.": ["Das ist der Anfang deiner Direktnachrichten mit {name}.", "C’est le début de tes messages privés avec {name}.", "Este es el comienzo de tus mensajes directos con {name}.", "Este é o começo das suas mensagens diretas com {name}.", "{name}とのダイレクトメッセージの始まりです。"],
  "This is the start of the {name} channel.": ["Das ist der Anfang des Kanals {name}.", "C’est le début du salon {name}.", "Este es el comienzo del canal {name}.", "Este é o começo do canal {name}.", "{name} チャンネルの始まりです。"],
  "Welcome to {name}!": ["Willkommen in {name}!", "Bienvenue dans {name} !", "¡Te damos la bienvenida a {name}!", "Boas-vindas a {name}!", "{name}へようこそ！"],
  "Type {key} to see what Limner can do.": ["Gib {key} ein und sieh, was Limner kann.", "Tape {key} pour voir ce que Limner sait faire.", "Escribe {key} para ver lo que Limner puede hacer.", "Digite {key} para ver o que o Limner faz.", "{key} を入力すると、Limner でできることが表示されます。"],
  "Try {command}": ["Probier {command}", "Essaie {command}", "Prueba {command}", "Experimente {command}", "{command} を試す"],
  "Dismiss message": ["Nachricht ausblenden", "Masquer le message", "Descartar mensaje", "Dispensar mensagem", "メッセージを閉じる"],
  "Only you can see this": ["Nur du kannst das sehen", "Toi seul peux voir ceci", "Solo tú puedes ver esto", "Só você pode ver isto", "これはあなただけに表示されています"],
  "Sending command…": ["Befehl wird gesendet …", "Envoi de la commande…", "Enviando comando…", "Enviando comando…", "コマンドを送信中…"],
  "{name} used {command}": ["{name} hat {command} verwendet", "{name} a utilisé {command}", "{name} ha usado {command}", "{name} usou {command}", "{name} が {command} を使用"],
  "Original message was deleted": ["Ursprüngliche Nachricht wurde gelöscht", "Le message d’origine a été supprimé", "Se eliminó el mensaje original", "A mensagem original foi excluída", "元のメッセージは削除されました"],
  "Click to see attachment": ["Klicke, um den Anhang zu sehen", "Clique pour voir la pièce jointe", "Haz clic para ver el adjunto", "Clique para ver o anexo", "クリックして添付ファイルを表示"],
  "(edited)": ["(bearbeitet)", "(modifié)", "(editado)", "(editado)", "（編集済）"],
  "{name} is thinking…": ["{name} denkt nach …", "{name} réfléchit…", "{name} está pensando…", "{name} está pensando…", "{name}が考え中…"],
  "Apps: commands for this message": ["Apps: Befehle für diese Nachricht", "Applis : commandes pour ce message", "Apps: comandos para este mensaje", "Apps: comandos para esta mensagem", "アプリ：このメッセージのコマンド"],
  "Apps": ["Apps", "Applis", "Apps", "Apps", "アプリ"],
  "The application did not respond": ["Die Anwendung hat nicht reagiert", "L’application n’a pas répondu", "La aplicación no ha respondido", "O aplicativo não respondeu", "アプリケーションが応答しませんでした"],
  "This interaction failed": ["Diese Interaktion ist fehlgeschlagen", "Cette interaction a échoué", "Esta interacción ha fallado", "Esta interação falhou", "インタラクションに失敗しました"],
  "Loading options failed": ["Optionen konnten nicht geladen werden", "Impossible de charger les options", "No se han podido cargar las opciones", "Não foi possível carregar as opções", "候補を読み込めませんでした"],
  "Something went wrong. Try again.": ["Etwas ist schiefgelaufen. Versuch es noch einmal.", "Une erreur s’est produite. Réessaie.", "Algo ha salido mal. Inténtalo de nuevo.", "Algo deu errado. Tente de novo.", "問題が発生しました。もう一度お試しください。"],
  "Enlarge {name}": ["{name} vergrößern", "Agrandir {name}", "Ampliar {name}", "Ampliar {name}", "{name}を拡大"],
  "Spoiler: show {name}": ["Spoiler: {name} zeigen", "Spoiler : afficher {name}", "Spoiler: mostrar {name}", "Spoiler: mostrar {name}", "ネタバレ：{name}を表示"],
  "Spoiler": ["Spoiler", "Spoiler", "Spoiler", "Spoiler", "ネタバレ"],
  "A picture on another host is not loaded here.": ["Ein Bild von einem anderen Host wird hier nicht geladen.", "Une image d’un autre hôte n’est pas chargée ici.", "Aquí no se cargan imágenes de otros servidores.", "Imagens de outros servidores não são carregadas aqui.", "別のホストの画像はここでは読み込まれません。"],
  "Download {name}": ["{name} herunterladen", "Télécharger {name}", "Descargar {name}", "Baixar {name}", "{name}をダウンロード"],
  "{count} bytes": ["{count} Bytes", "{count} octets", "{count} bytes", "{count} bytes", "{count}バイト"],
  "Open in browser": ["Im Browser öffnen", "Ouvrir dans le navigateur", "Abrir en el navegador", "Abrir no navegador", "ブラウザで開く"],
  "{place} of {count}": ["{place} von {count}", "{place} sur {count}", "{place} de {count}", "{place} de {count}", "{place}／{count}"],
  "Picture": ["Bild", "Image", "Imagen", "Imagem", "画像"],
  "Picture in the message": ["Bild in der Nachricht", "Image du message", "Imagen del mensaje", "Imagem da mensagem", "メッセージ内の画像"],
  "Enlarge the picture": ["Bild vergrößern", "Agrandir l’image", "Ampliar la imagen", "Ampliar a imagem", "画像を拡大"],
  "Previous picture": ["Vorheriges Bild", "Image précédente", "Imagen anterior", "Imagem anterior", "前の画像"],
  "Next picture": ["Nächstes Bild", "Image suivante", "Imagen siguiente", "Próxima imagem", "次の画像"],
  "Close": ["Schließen", "Fermer", "Cerrar", "Fechar", "閉じる"],
  "This option is required. Specify a value.": ["Diese Option ist erforderlich. Gib einen Wert an.", "Cette option est obligatoire. Indique une valeur.", "Esta opción es obligatoria. Indica un valor.", "Esta opção é obrigatória. Informe um valor.", "このオプションは必須です。値を入力してください。"],
  "Loading options…": ["Optionen werden geladen …", "Chargement des options…", "Cargando opciones…", "Carregando opções…", "候補を読み込み中…"],
  "No options match your search": ["Keine passenden Optionen", "Aucune option ne correspond", "Ninguna opción coincide", "Nenhuma opção corresponde", "一致する候補はありません"],
  "Choose one of the list.": ["Wähle etwas aus der Liste.", "Choisis un élément de la liste.", "Elige uno de la lista.", "Escolha um da lista.", "一覧から選んでください。"],
  "Choose, drop or paste a file": ["Datei wählen, ablegen oder einfügen", "Choisis, dépose ou colle un fichier", "Elige, suelta o pega un archivo", "Escolha, solte ou cole um arquivo", "ファイルを選択、ドロップ、または貼り付け"],
  "Cancel": ["Abbrechen", "Annuler", "Cancelar", "Cancelar", "キャンセル"],
  "Submit": ["Absenden", "Envoyer", "Enviar", "Enviar", "送信"],
  "True": ["Ja", "Oui", "Sí", "Sim", "はい"],
  "False": ["Nein", "Non", "No", "Não", "いいえ"],
  "Enter a number.": ["Gib eine Zahl ein.", "Saisis un nombre.", "Escribe un número.", "Digite um número.", "数値を入力してください。"],
  "Enter a whole number.": ["Gib eine ganze Zahl ein.", "Saisis un nombre entier.", "Escribe un número entero.", "Digite um número inteiro.", "整数を入力してください。"],
  "Enter a number of {least} or more.": ["Gib mindestens {least} ein.", "Saisis au moins {least}.", "Escribe {least} o más.", "Digite {least} ou mais.", "{least}以上の数値を入力してください。"],
  "Enter a number of {most} or less.": ["Gib höchstens {most} ein.", "Saisis au plus {most}.", "Escribe {most} o menos.", "Digite {most} ou menos.", "{most}以下の数値を入力してください。"],
  "Enter at least {least} characters.": ["Gib mindestens {least} Zeichen ein.", "Saisis au moins {least} caractères.", "Escribe al menos {least} caracteres.", "Digite pelo menos {least} caracteres.", "{least}文字以上入力してください。"],
  "Enter at most {most} characters; these are {length}.": ["Gib höchstens {most} Zeichen ein; das sind {length}.", "Saisis au plus {most} caractères ; il y en a {length}.", "Escribe como máximo {most} caracteres; hay {length}.", "Digite no máximo {most} caracteres; há {length}.", "{most}文字以内で入力してください（現在{length}文字）。"],
  "Text channels": ["Textkanäle", "Salons textuels", "Canales de texto", "Canais de texto", "テキストチャンネル"],
  "Direct messages": ["Direktnachrichten", "Messages privés", "Mensajes directos", "Mensagens diretas", "ダイレクトメッセージ"],
  "(age-restricted)": ["(mit Altersbeschränkung)", "(soumis à une limite d’âge)", "(con restricción de edad)", "(com restrição de idade)", "（年齢制限あり）"],
  "(new messages)": ["(neue Nachrichten)", "(nouveaux messages)", "(mensajes nuevos)", "(novas mensagens)", "（新着メッセージ）"],
  "Age-restricted": ["Altersbeschränkt", "Limite d’âge", "Restricción de edad", "Restrição de idade", "年齢制限"],
  "Member list": ["Mitgliederliste", "Liste des membres", "Lista de miembros", "Lista de membros", "メンバーリスト"],
  "Language": ["Sprache", "Langue", "Idioma", "Idioma", "言語"],
  "Open as on a phone": ["Wie auf dem Handy öffnen", "Ouvrir comme sur un téléphone", "Abrir como en un móvil", "Abrir como no celular", "スマホサイズで開く"],
  "Dark theme": ["Dunkles Design", "Thème sombre", "Tema oscuro", "Tema escuro", "ダークテーマ"],
  "Light theme": ["Helles Design", "Thème clair", "Tema claro", "Tema claro", "ライトテーマ"],
  "You are": ["Du bist", "Tu es", "Eres", "Você é", "あなた"],
  "Member": ["Mitglied", "Membre", "Miembro", "Membro", "メンバー"],
  "Today at {time}": ["heute um {time} Uhr", "Aujourd’hui à {time}", "hoy a las {time}", "Hoje às {time}", "今日 {time}"],
  "Yesterday at {time}": ["gestern um {time} Uhr", "Hier à {time}", "ayer a las {time}", "Ontem às {time}", "昨日 {time}"],
  "Invalid Date": ["Ungültiges Datum", "Date non valide", "Fecha no válida", "Data inválida", "無効な日付"],
  "Make a selection": ["Triff eine Auswahl", "Fais un choix", "Elige una opción", "Faça uma seleção", "選択してください"],
  "Choose": ["Auswählen", "Choisir", "Elegir", "Escolher", "選択"],
  "The demo does not answer. Is it still running?": ["Die Demo antwortet nicht. Läuft sie noch?", "La démo ne répond pas. Tourne-t-elle encore ?", "La demo no responde. ¿Sigue en marcha?", "A demo não responde. Ainda está rodando?", "デモが応答しません。まだ動いていますか？"],
  "The demo answered with status {status}.": ["Die Demo hat mit Status {status} geantwortet.", "La démo a répondu avec le statut {status}.", "La demo ha respondido con el estado {status}.", "A demo respondeu com o status {status}.", "デモがステータス {status} を返しました。"],
  "unknown-user": ["unbekannte-person", "utilisateur-inconnu", "usuario-desconocido", "usuario-desconhecido", "不明なユーザー"],
  "unknown-role": ["unbekannte-rolle", "rôle-inconnu", "rol-desconocido", "cargo-desconhecido", "不明なロール"],
  "unknown": ["unbekannt", "inconnu", "desconocido", "desconhecido", "不明"],
  "Jump to message": ["Zur Nachricht springen", "Aller au message", "Ir al mensaje", "Ir para a mensagem", "メッセージへ移動"],
  "Talk about anything": ["Reden über alles", "Parler de tout", "Hablar de lo que sea", "Fale sobre qualquer coisa", "何でも話そう"],
  "Where pictures are made": ["Hier entstehen Bilder", "Ici naissent les images", "Aquí se crean imágenes", "Aqui se criam imagens", "画像を作る場所"],
  "For moderators": ["Für Moderatoren", "Pour les modérateurs", "Para moderadores", "Para moderadores", "モデレーター用"],
  "Moderator": ["Moderator", "Modérateur", "Moderador", "Moderador", "モデレーター"],
  "Administrator": ["Administrator", "Administrateur", "Administrador", "Administrador", "管理者"]
};
